"""The model: its words, and that each of them is explained."""

from typing import Any, get_args

import attrs
import pytest

from apim_core.config import shapes
from apim_core.config.descriptions import description_of, descriptions_of
from apim_core.config.model import Configuration, Match
from apim_core.config.references import Step
from apim_core.config.server import Address


def classes(kind: Any, found: dict[type, None]) -> dict[type, None]:
    """Every attrs class that a type is made of, itself included."""
    if isinstance(kind, type) and attrs.has(kind) and kind not in found:
        found[kind] = None
        for field in shapes.options_of(kind).values():
            classes(field.type, found)
    for inner in get_args(kind):
        classes(inner, found)
    return found


MODEL = [cls for cls in classes(Configuration, {}) if cls not in (Address, Match)]
FIELDS = [(cls, field.name) for cls in MODEL for field in attrs.fields(cls) if field.init]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS])
def test_every_field_has_a_description(cls: type, name: str) -> None:
    assert descriptions_of(cls).get(name, "").endswith((".", "`", "..."))


@pytest.mark.parametrize("cls", MODEL)
def test_every_class_has_a_description(cls: type) -> None:
    assert description_of(cls).endswith(".")


@pytest.mark.parametrize("cls", MODEL)
def test_every_class_is_immutable(cls: type) -> None:
    assert cls.__setattr__ is not object.__setattr__


def test_the_words_of_the_design_are_there() -> None:
    words = {"include", "listen", "key_managers", "sinks", "flows", "apis", "applications"}

    assert words <= shapes.options_of(Configuration).keys()
    assert {"plugin", "when", "when_message", "name", "on_error", "enabled"} == shapes.options_of(Step).keys()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:0", "::1", 0),
        (":80", "", 80),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    address = Address.parse(text)

    assert (host, port, text) == (address.host, address.port, str(address))


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", "a:b", "a:65536", "a:-1", "::1:80", "[a]:80", "a:٨٠"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "method", "path"),
    [
        ("GET /orders/{id}", "GET", "/orders/{id}"),
        ("* /*", "*", "/*"),
        ("get  /", "GET", "/"),
        ("M-SEARCH /a", "M-SEARCH", "/a"),
    ],
)
def test_a_match_is_a_method_and_a_path(text: str, method: str, path: str) -> None:
    assert Match(method, path) == Match.parse(text)


@pytest.mark.parametrize("text", ["", "GET", "/orders", "GET orders", " /a", "G:T /a", "GET\t/a"])
def test_what_is_no_match_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no match|must begin with"):
        Match.parse(text)
