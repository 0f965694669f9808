"""The conformance tests of cel-spec (tests/simple), all files, against the engine.

Left out by rule are only the cases that need protobuf messages: their expression constructs or names a message type or
an enum of the test protos. Everything else must pass, but for the cases listed one by one in `KNOWN_FAILURES`.
"""

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from apim_core.expressions import Environment, EvaluationError, ExpressionError
from apim_core.expressions.functions.time import parse_duration, parse_timestamp
from apim_core.expressions.types import NAMED_TYPES, Type
from apim_core.expressions.values import Optional, UInt, make_map, type_of

DATA = Path(__file__).resolve().parents[2] / "../shared/conformance/cel/cel.json"

NEEDS_MESSAGES = re.compile(
    r"[A-Z][A-Za-z0-9]*\s*\{"  # constructs a message: TestAllTypes{...}, google.protobuf.Value{...}
    r"|\bTestAllTypes\b|\bGlobalEnum\b"  # names a message or enum type of the test protos
    r"|\bgoogle\.protobuf\.(?!Timestamp\b|Duration\b)"  # names another well-known message type
    r"|\bconformance\s*\.\s*proto"  # spells such a name out, with white space or comments in between
    r"|// @\nproto3"
)
"""What an expression contains that needs the message types of the conformance suite."""

_WRONG_VALUE = (
    "the published value has a backslash that the expression has not; string_literals has the same case without"
)
KNOWN_FAILURES: Mapping[str, str] = {
    "parse/bytes_literals/triple_single_quoted_unescaped_punctuation": _WRONG_VALUE,
    "parse/bytes_literals/triple_double_quoted_unescaped_punctuation": _WRONG_VALUE,
}
"""Cases that fail, by `file/section/name`, each with the reason."""


COUNTS = {
    "basic": (43, 0),
    "bindings_ext": (8, 0),
    "block_ext": (25, 1),
    "comparisons": (334, 72),
    "conversions": (109, 0),
    "dynamic": (0, 123),
    "encoders_ext": (4, 0),
    "enums": (0, 46),
    "fields": (60, 0),
    "fp_math": (30, 0),
    "integer_math": (64, 0),
    "lists": (39, 0),
    "logic": (30, 0),
    "macros": (44, 0),
    "macros2": (46, 0),
    "math_ext": (199, 0),
    "namespace": (14, 0),
    "network_ext": (69, 0),
    "optionals": (59, 11),
    "parse": (193, 9),
    "plumbing": (5, 0),
    "proto2": (0, 67),
    "proto3": (0, 52),
    "string": (51, 0),
    "string_ext": (213, 3),
    "timestamps": (78, 0),
    "type_deduction": (12, 6),
    "wrappers": (0, 36),
}
"""How many cases of each file are run, and how many the rule leaves out."""


def published() -> dict[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = json.loads(DATA.read_text()) if DATA.is_file() else {}
    return loaded


def cases() -> Iterator[Any]:
    for file, entries in published().items():
        for case in entries:
            name = f"{file}/{case['section']}/{case['name']}"
            if NEEDS_MESSAGES.search(case["expr"]):
                continue
            marks = [pytest.mark.xfail(reason=KNOWN_FAILURES[name], strict=True)] if name in KNOWN_FAILURES else []
            yield pytest.param(case, id=name, marks=marks)


def python_value(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    match kind:
        case "int":
            return int(held)
        case "uint":
            return UInt(held)
        case "double":
            return float(held)
        case "bytes":
            return base64.b64decode(held)
        case "list":
            return tuple(python_value(each) for each in held)
        case "map":
            return make_map([(python_value(key), python_value(each)) for key, each in held])
        case "duration":
            return parse_duration(held)
        case "timestamp":
            return parse_timestamp(held)
        case "type":
            return NAMED_TYPES[held]
        case "null" | "bool" | "string":
            return held
    raise AssertionError(f"the data has a value of an unknown kind, {kind}")


def comparable(value: Any) -> Any:
    """The value with its CEL type at every level, so that 1, 1u, 1.0 and true are different."""
    if isinstance(value, Type):
        return value.name
    kind = type_of(value).name
    if isinstance(value, (list, tuple)):
        return kind, [comparable(each) for each in value]
    if isinstance(value, Mapping):
        return kind, sorted((repr(comparable(key)), comparable(value[key])) for key in value)
    if isinstance(value, float):
        return kind, "nan" if math.isnan(value) else repr(value)
    if isinstance(value, Optional):
        return kind, repr(value)
    return kind, value


@pytest.mark.skipif(not DATA.is_file(), reason="the conformance data is not beside this checkout")
def test_the_rule_leaves_out_as_many_cases_as_it_should() -> None:
    counts = {}
    for file, entries in published().items():
        left_out = sum(bool(NEEDS_MESSAGES.search(case["expr"])) for case in entries)
        counts[file] = (len(entries) - left_out, left_out)
    run, left_out = map(sum, zip(*counts.values(), strict=True))
    print(f"CEL conformance: {run} cases run, {left_out} left out, {len(KNOWN_FAILURES)} known to fail")
    assert counts == COUNTS


@pytest.mark.parametrize("case", list(cases()))
def test_case_of_the_specification(case: dict[str, Any]) -> None:
    bindings = {name: python_value(value) for name, value in case.get("bindings", {}).items()}
    environment = Environment.of_names(*bindings, container=case.get("container", ""), checked=False)
    if "error" in case:
        with pytest.raises((ExpressionError, EvaluationError)):
            environment.compile(case["expr"]).evaluate(bindings)
    else:
        expected = comparable(python_value(case["value"]))
        assert expected == comparable(environment.compile(case["expr"]).evaluate(bindings))
