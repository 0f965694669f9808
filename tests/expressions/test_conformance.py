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

_WRONG_VALUE = "the published value has a backslash that the expression has not; string_literals has the same case without"
KNOWN_FAILURES: Mapping[str, str] = {
    "parse/bytes_literals/triple_single_quoted_unescaped_punctuation": _WRONG_VALUE,
    "parse/bytes_literals/triple_double_quoted_unescaped_punctuation": _WRONG_VALUE,
}
"""Cases that fail, by `file/section/name`, each with the reason."""


def cases() -> Iterator[Any]:
    if not DATA.is_file():
        yield pytest.param(None, marks=pytest.mark.skip(reason="the conformance data is not beside this checkout"))
        return
    for file, entries in json.loads(DATA.read_text()).items():
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
