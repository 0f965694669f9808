"""JSON Schema out of attrs classes: it says the same as structuring does."""

from collections.abc import Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
from apim_sdk import Duration, Secret, Size, Template
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apim_core.config import ConfigErrors, Configuration, structure
from apim_core.config.documents import parse
from apim_core.schema import configuration_schema, json_schema

ERRORS = Path(__file__).parent / "config" / "errors"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Inner:
    """Something inside."""

    count: int = attrs.field(
        default=1, validator=attrs.validators.and_(attrs.validators.ge(1), attrs.validators.lt(10))
    )
    """How many.

    Never none.
    """
    again: "tuple[Inner, ...]" = ()


@attrs.frozen
class Settings:
    """Settings of something."""

    name: str
    """What it is called."""
    secret: Secret
    colour: Colour = Colour.RED
    word: Literal["a", "b"] | None = None
    wait: Duration = Duration("30s")
    size: Size = Size("1MiB")
    networks: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("10.0.0.0/8"),)
    address: IPv4Address | None = None
    inner: Inner = attrs.field(factory=Inner)
    by_name: Mapping[str, Inner] = attrs.field(factory=dict)
    pair: tuple[int, str] | None = None
    body: Template | None = None
    anything: Any = None
    from_: float = 0.5
    _hidden: int = attrs.field(default=0, init=False)


def properties() -> dict[str, Any]:
    found: dict[str, Any] = json_schema(Settings)["properties"]
    return found


def errors(schema: dict[str, Any], data: Any) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(data)]


def test_the_schema_is_one_of_draft_2020_12() -> None:
    schema = json_schema(Settings)

    Draft202012Validator.check_schema(schema)
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]


def test_what_has_no_default_is_required_and_nothing_else_may_be_there() -> None:
    schema = json_schema(Settings)

    assert (["name", "secret"], False) == (schema["required"], schema["additionalProperties"])


def test_descriptions_are_the_docstrings() -> None:
    assert "Settings of something." == json_schema(Settings)["description"]
    assert {"type": "string", "description": "What it is called."} == properties()["name"]
    assert "How many.\n\nNever none." == json_schema(Inner)["properties"]["count"]["description"]


@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("secret", {"type": "string", "writeOnly": True}),
        ("colour", {"enum": ["red", "blue"], "default": "red"}),
        ("word", {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": None}),
        ("address", {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "null"}], "default": None}),
        ("inner", {"$ref": "#/$defs/Inner"}),
        ("by_name", {"type": "object", "additionalProperties": {"$ref": "#/$defs/Inner"}, "default": {}}),
        ("anything", {"default": None}),
        ("from", {"type": "number", "default": 0.5}),
    ],
)
def test_every_type_has_its_schema(key: str, schema: dict[str, Any]) -> None:
    assert schema == properties()[key]


def test_field_types_bring_their_own_schema_and_show_defaults_as_they_are_written() -> None:
    assert {**Duration.schema, "default": "30s"} == properties()["wait"]
    assert {**Size.schema, "default": "1MiB"} == properties()["size"]
    assert ["10.0.0.0/8"] == properties()["networks"]["default"]


def test_lists_of_fixed_length_say_so() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2}

    assert pair == properties()["pair"]["anyOf"][0]


def test_validators_of_attrs_become_bounds() -> None:
    count = json_schema(Inner)["properties"]["count"]

    assert (1, 10) == (count["minimum"], count["exclusiveMaximum"])


def test_a_class_inside_itself_refers_to_itself() -> None:
    schema = json_schema(Settings)

    assert {"$ref": "#/$defs/Inner"} == schema["$defs"]["Inner"]["properties"]["again"]["items"]


def test_fields_that_are_not_written_are_not_in_the_schema() -> None:
    assert {"hidden", "_hidden"}.isdisjoint(properties())


TEXTS = ["", "a", "red", "30s", "1MiB", "10.0.0.0/8", "10.0.0.1"]
LISTS: list[Any] = [[], ["10.0.0.0/8"], [1, "a"]]
MAPPINGS: list[Any] = [{}, {"count": 2}, {"count": 0}, {"a": {}}, {"a": {"count": "x"}}, {"again": [{}]}]
values = st.sampled_from([None, True, 1, 0, 10, 1.5, *TEXTS, *LISTS, *MAPPINGS])
keys = st.sampled_from([*properties(), "unknown"])


@settings(deadline=None)
@given(st.dictionaries(keys, values, max_size=4), st.booleans())
def test_what_structuring_takes_the_schema_takes(data: dict[str, Any], complete: bool) -> None:
    if complete:
        data = {"name": "n", "secret": "s", **data}
    try:
        structure(data, Settings)
    except ConfigErrors:
        return

    assert [] == errors(json_schema(Settings), data)


@settings(deadline=None)
@given(st.dictionaries(keys.filter(lambda key: key not in ("networks", "address", "body")), values, max_size=4))
def test_what_structuring_refuses_the_schema_refuses(data: dict[str, Any]) -> None:
    data = {"name": "n", "secret": "s", **data}
    try:
        structure(data, Settings)
    except ConfigErrors:
        assert [] != errors(json_schema(Settings), data)


@attrs.frozen
class SetHeader:
    """Set a header."""

    name: str
    """Its name."""


@attrs.frozen
class Keyless:
    """Let everybody in."""


PLUGINS = {"set-header": ("policy", SetHeader), "keyless": ("authenticator", Keyless), "remove": ("policy", Keyless)}


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return configuration_schema(PLUGINS)


def test_the_schema_of_the_configuration_is_one_of_draft_2020_12(whole: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(whole)


def test_a_step_is_one_plugin_with_its_own_settings(whole: dict[str, Any]) -> None:
    def step(written: Any) -> bool:
        return not errors(whole, {"flows": {"request": [written]}})

    assert step({"set-header": {"name": "X"}})
    assert step({"set-header": {"name": "X"}, "when": "true", "on_error": "skip", "enabled": False, "name": "mine"})
    assert step({"remove": None})
    assert not step({"set-header": {"nmae": "X"}})
    assert not step({"set-header": None})
    assert not step({"set-header": {"name": "X"}, "remove": {}})
    assert not step({"when": "true"})
    assert not step({"keyless": {}})
    assert not step({"unknown": {}})


def test_a_plan_takes_authenticators_only(whole: dict[str, Any]) -> None:
    def plan(written: Any) -> bool:
        api = {"name": "a", "context": "/a", "plans": [{"name": "p", "authentication": written}]}
        return not errors(whole, {"apis": [api]})

    assert plan({"keyless": {}})
    assert not plan({"set-header": {"name": "X"}})
    assert not plan("keyless")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"listen": "127.0.0.1:8080"},
        {"listen": [":80", {"address": "[::1]:443", "tls": {"certificate": "a", "key": "b"}}]},
        {"workers": "${env:WORKERS:-4}", "listen": "${env:LISTEN}", "log": {"level": "${env:LEVEL}"}},
        {"trusted_proxies": ["10.0.0.0/8", "fd00::/8"], "limits": {"body": 1024, "head": "64KiB"}},
        {"applications": [{"name": "a", "keys": [{"api-key": "x"}], "subscriptions": [{"api": "a", "plan": "b"}]}]},
        {"apis": [{"name": "a", "context": "/a", "operations": [{"match": "GET /a/{b}", "scopes": ["c"]}]}]},
    ],
)
def test_editors_do_not_complain_of_what_is_right(whole: dict[str, Any], data: Any) -> None:
    assert [] == errors(whole, data)


OF_SHAPE = [
    "addresses",
    "empty-values",
    "matches",
    "merge-keys",
    "misspelled-keys",
    "not-a-mapping",
    "steps",
    "wrong-kinds",
]


@pytest.mark.parametrize("name", OF_SHAPE)
def test_editors_complain_of_what_is_shaped_wrongly(whole: dict[str, Any], name: str) -> None:
    data = parse((ERRORS / f"{name}.yaml").read_bytes(), name)

    assert [] != errors(whole, data)


def test_every_key_of_the_configuration_is_described(whole: dict[str, Any]) -> None:
    objects = [whole, *(each for each in whole["$defs"].values() if "properties" in each)]

    assert [] == [key for each in objects for key, schema in each["properties"].items() if "description" not in schema]
    assert set(whole["properties"]) == {field.name for field in attrs.fields(Configuration)}
