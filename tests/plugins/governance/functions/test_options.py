"""Options of functions that are wrong: each is told in Spectral's words, with where it stands, in Spectral's order."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.functions.function import InvalidOptions, configured

catalogue = Catalogue()


def refused(function: str, options: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    found = catalogue.function(function)
    assert found is not None
    with pytest.raises(InvalidOptions) as raised:
        configured(found, function, options)
    return [(problem.message, problem.path) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        ("casing", {}, [('"casing" function is missing "type" option', ())]),
        (
            "casing",
            {"type": "upper"},
            [
                (
                    '"casing" function and its "type" option accept the following values: '
                    "flat, camel, pascal, kebab, cobol, snake, macro",
                    ("type",),
                )
            ],
        ),
        (
            "casing",
            {"type": "flat", "separator": None},
            [('"casing" function and its "separator" option accepts only the following types: object', ("separator",))],
        ),
        (
            "casing",
            {"type": "flat", "separator": {"char": "-", "allowLeading": 1}},
            [
                (
                    '"casing" function and its "separator.allowLeading" option accepts only the following types: '
                    "boolean",
                    ("separator", "allowLeading"),
                )
            ],
        ),
        ("enumeration", {}, [('"enumeration" function is missing "values" option', ())]),
        (
            "enumeration",
            {"values": [1, {}]},
            [
                (
                    '"enumeration" and its "values" option support only arrays of primitive values, '
                    'i.e. ["Berlin", "London", "Paris"]',
                    ("values",),
                )
            ],
        ),
        ("length", {}, [("must NOT have fewer than 1 properties", ())]),
        ("length", {"most": 1}, [('"length" function does not support "most" option', ("most",))]),
        ("schema", {}, [('"schema" function is missing "schema" option', ())]),
        (
            "or",
            {"properties": ["one"]},
            [
                (
                    '"or" requires at least two enumerated "properties", i.e. ["default", "example"], '
                    '["title", "summary", "description"], etc.',
                    ("properties",),
                )
            ],
        ),
        (
            "xor",
            {"names": []},
            [
                ('"xor" function is missing "properties" option', ()),
                ('"xor" function does not support "names" option', ("names",)),
            ],
        ),
        (
            "unreferencedReusableObject",
            {"reusableObjectsLocation": "#/~"},
            [
                (
                    '"unreferencedReusableObject" and its "reusableObjectsLocation" option support only valid JSON '
                    'Pointer fragments, i.e. "#", "#/foo", "#/paths/~1user"',
                    ("reusableObjectsLocation",),
                )
            ],
        ),
    ],
)
def test_wrong_options_are_told_in_the_words_of_spectral(
    function: str, options: Any, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert expected == refused(function, options)
