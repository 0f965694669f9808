"""Requests agree in what Vary names, whatever says nothing is left out, or they do not."""

from __future__ import annotations

import pytest
from apim_sdk import Headers
from apim_traffic.cache.varying import matches, names_of, select
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], ()),
        (["Accept, X-B"], (b"accept", b"x-b")),
        (["X-B", "accept", "ACCEPT"], (b"accept", b"x-b")),
        ([", ,"], ()),
        (["*"], None),
        (["Foo, *"], None),
        (["Foo", ", *"], None),
    ],
)
def test_names_are_read_and_a_star_is_none(lines: list[str], names: tuple[bytes, ...] | None) -> None:
    assert names == names_of(Headers([("Vary", line) for line in lines]))


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("Accept-Encoding", ["gzip, br"], ["GZIP,br"], True),
        ("Accept-Encoding", ["gzip;q=1, br"], ["gzip ; q=1 ,br"], True),
        ("Accept-Encoding", ["gzip, br"], ["gzip", "br"], True),
        ("Accept-Language", ["en, de"], [" EN ,, De"], True),
        ("Accept-Language", ["en, de"], ["de, en"], False),
        ("Accept", ["a/b"], ["A/B"], False),
        ("Accept", ['a/b;c="x,  y"'], ['a/b;c="x, y"'], False),
        ("X-Tier", ["a, b"], ["a", "b"], True),
        ("X-Tier", ["a,b"], ["a, b"], False),
        ("X-Tier", ["a"], ["A"], False),
        ("X-Tier", ["a"], [], False),
        ("X-Tier", [""], [], False),
        ("X-Tier", [], [], True),
    ],
)
def test_two_requests_agree(name: str, one: list[str], other: list[str], same: bool) -> None:
    names = (name.lower().encode(),)
    selecting = select(names, Headers([(name, value) for value in one]))

    assert same == matches(selecting, Headers([(name, value) for value in other]))


values = st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "Z")), max_size=12)


@given(st.sampled_from(["accept-encoding", "accept-language", "accept", "x-tier"]), values)
def test_a_request_agrees_with_itself(name: str, value: str) -> None:
    headers = Headers([(name, value)])

    assert matches(select((name.encode(),), headers), headers)


@given(st.lists(st.sampled_from(["gzip", "br", "zstd;q=0.5", "*;q=0"]), min_size=1), st.data())
def test_white_space_around_commas_never_matters_in_a_list(members: list[str], data: st.DataObject) -> None:
    space = st.sampled_from(["", " ", "\t", "  "])
    spaced = ",".join(data.draw(space) + member + data.draw(space) for member in members)
    selecting = select((b"accept-encoding",), Headers([("Accept-Encoding", ",".join(members))]))

    assert matches(selecting, Headers([("Accept-Encoding", spaced)]))
