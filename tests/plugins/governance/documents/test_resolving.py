"""Where things stand that references lead to."""

from __future__ import annotations

import json
from typing import Any

from apim_governance.documents.document import read_document
from apim_governance.documents.resolving import MOST_COPIED, resolve


def origin(data: Any, *path: str | int) -> tuple[str | int, ...]:
    return resolve(read_document(json.dumps(data))).origin(path).path


def test_what_a_reference_leads_to_stands_there() -> None:
    assert ("b",) == origin({"a": {"$ref": "#/b"}, "b": {"c": 1}}, "a")


def test_a_reference_into_a_circle_stays_where_it_is_written() -> None:
    assert ("a", "b") == origin({"a": {"b": {"$ref": "#/a"}}}, "a", "b")
    assert ("a",) == origin({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}, "a")


HIDING = {
    "t": {"p": {"a": {"v": 1}}, "q": {"v": 1}},
    "x": {"$ref": "#/t", "p": {"b": 1}},
    "y": {"$ref": "#/t", "p": {"b": 1}},
    "z": {"$ref": "#/t", "w": 1},
}


def test_what_a_member_beside_a_reference_hides_is_told_by_each_way_there() -> None:
    resolved = resolve(read_document(json.dumps(HIDING)))

    assert ("x", "p", "a", "v") == resolved.origin(("x", "p", "a", "v")).path
    assert ("t", "q", "v") == resolved.origin(("x", "q", "v")).path
    copies = [resolved.root[name]["p"]["a"] for name in "txy"]
    assert 3 == len({id(each) for each in copies})
    assert resolved.root["t"]["q"] is resolved.root["x"]["q"]
    assert resolved.root["t"]["p"] is resolved.root["z"]["p"]


def test_what_is_hidden_is_not_copied_without_end() -> None:
    data = {"a0": {"p": {"v": 1}}} | {
        f"a{n}": {"$ref": f"#/a{n - 1}", "p": 1} | {"p": {f"r{k}": {"$ref": f"#/a{n - 1}", "p": 1} for k in range(3)}}
        for n in range(1, 40)
    }
    data["deep"] = {"$ref": "#/nest", "p": 1}
    data["nest"] = {"p": {"v": 1}}
    for _ in range(400):
        data["nest"] = {"p": data["nest"]}
    resolved = resolve(read_document(json.dumps(data)))

    seen: set[int] = set()
    work = [resolved.root]
    while work:
        value = work.pop()
        if isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            work.extend(value.values())
    assert len(seen) < MOST_COPIED + 10_000


def test_what_is_missing_behind_a_reference_is_told_but_not_in_what_it_leads_to_itself() -> None:
    data = {"a": {"$ref": "#/t"}, "t": {"r": {"b": 1}}}
    resolved = resolve(read_document(json.dumps(data)))

    assert ("t", "r", "429", "c") == resolved.origin(("a", "r", "429", "c")).asked
    assert ("t",) == resolved.origin(("a", "s", "c")).asked
