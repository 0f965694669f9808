"""Spectral's JSONPath: 272 expressions of public rulesets, over documents, with the paths that the original finds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from apim_governance.paths.parser import parse
from apim_governance.paths.traversal import Traversal

DATA = Path(__file__).resolve().parents[4] / "../shared/conformance/spectral-jsonpath/givens.json.gz"
MOST_RECORDED = 400
"""Paths of one expression in one document beyond which the data has none."""


def found(traversal: Traversal, number: int, document: Any) -> list[list[tuple[str | int, ...]]]:
    paths: list[list[tuple[str | int, ...]]] = [[] for _ in range(number)]
    traversal.run(document, lambda index, value, path: paths[index].append(path))
    return paths


@pytest.mark.skipif(not DATA.is_file(), reason="the conformance data is not beside this checkout")
def test_all_paths_are_those_that_spectral_finds() -> None:
    data = json.loads(gzip.decompress(DATA.read_bytes()))
    # On some documents the original throws: there is nothing to compare with.
    cases = [case for case in data["expressions"] if not case["oracle_error"]]
    parsed = [parse(case["given"]) for case in cases]
    traversal = Traversal(parsed)
    compared, different = 0, []
    for name, document in data["documents"].items():
        for case, path, ours in zip(cases, parsed, found(traversal, len(cases), document), strict=True):
            assert len(ours) == len(set(ours)), case["given"]
            if name not in case["hits"] and len(ours) > MOST_RECORDED:
                continue
            if path.numbers_as_text:
                ours = [tuple(map(str, each)) for each in ours]
            compared += 1
            if set(map(tuple, case["hits"].get(name, []))) != set(ours):
                different.append((case["given"], name))

    assert [] == different
    assert compared > 100_000


@pytest.mark.skipif(not DATA.is_file(), reason="the conformance data is not beside this checkout")
def test_one_walk_for_all_finds_what_a_walk_for_each_finds() -> None:
    data = json.loads(gzip.decompress(DATA.read_bytes()))
    parsed = [parse(case["given"]) for case in data["expressions"]]
    together = Traversal(parsed)
    for document in list(data["documents"].values())[::25]:
        alone = [found(Traversal([path]), 1, document)[0] for path in parsed]
        assert [set(each) for each in alone] == [set(each) for each in found(together, len(parsed), document)]
