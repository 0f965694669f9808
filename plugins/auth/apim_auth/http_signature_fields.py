"""``Signature-Input`` and ``Signature`` (RFC 9421, section 4): which parts of a request are signed, by whom, how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import attrs

__all__ = ["BadSignature", "Component", "Signature", "parse_signatures"]

_MOST_SIGNATURES: Final = 8
_MOST_COMPONENTS: Final = 64
_NAME: Final = re.compile(r"@?[!#$%&'*+.^_`|~0-9a-z-]+")
_INTEGERS: Final = frozenset(("created", "expires"))
_TEXTS: Final = frozenset(("alg", "keyid", "nonce", "tag"))


class BadSignature(ValueError):
    """A request is not signed as it should be. The text says why, for the operator."""


@attrs.frozen
class Component:
    """A part of the message that is signed: a header field in lower case, or ``@method`` and the like."""

    name: str
    parameters: Mapping[str, Any] = attrs.field(hash=False)
    identifier: str
    """Name and parameters as they stand in the signature base (section 2.5)."""


@attrs.frozen
class Signature:
    """One signature, with what it says of itself (section 2.3)."""

    label: str
    components: tuple[Component, ...]
    parameters: Mapping[str, Any] = attrs.field(hash=False)
    value: bytes
    params_text: str
    """Components and parameters as they stand in the signature base."""

    @property
    def key_id(self) -> str | None:
        """The ``keyid``."""
        return self.parameters.get("keyid")

    def covers(self, name: str) -> bool:
        """Whether a component is signed as a whole: without parameters that take a part of it."""
        return any(each.name == name and not each.parameters for each in self.components)


def parse_signatures(signature_input: bytes, signature: bytes) -> tuple[Signature, ...]:
    """The signatures of a message, out of its two fields. Raises BadSignature unless both are in order."""
    from http_sf import StructuredFieldError, parse

    try:
        inputs: Any = parse(signature_input, tltype="dictionary", on_duplicate_key=_twice)
        values: Any = parse(signature, tltype="dictionary", on_duplicate_key=_twice)
    except StructuredFieldError as error:
        raise BadSignature(f"Signature-Input and Signature cannot be read: {error}") from error
    if inputs.keys() != values.keys() or not 0 < len(inputs) <= _MOST_SIGNATURES:
        raise BadSignature("Signature-Input and Signature do not name the same few signatures")
    return tuple(_signature(label, inputs[label], values[label][0]) for label in inputs)


def _signature(label: str, member: Any, value: Any) -> Signature:
    from http_sf import ser

    covered, parameters = member
    if not isinstance(covered, list) or not isinstance(value, bytes):
        raise BadSignature(f"the signature {label} is no list of components with a byte sequence")
    if len(covered) > _MOST_COMPONENTS:
        raise BadSignature(f"the signature {label} covers more than {_MOST_COMPONENTS} components")
    for name, parameter in parameters.items():
        if (name in _INTEGERS and type(parameter) is not int) or (name in _TEXTS and type(parameter) is not str):
            raise BadSignature(f"the parameter {name} of the signature {label} is of another type")
    components = tuple(_component(*item) for item in covered)
    if len({(each.name, frozenset(each.parameters.items())) for each in components}) < len(components):
        raise BadSignature(f"the signature {label} covers a component twice")
    return Signature(label, components, parameters, value, ser([member]))


def _component(name: Any, parameters: Mapping[str, Any]) -> Component:
    from http_sf import ser

    if type(name) is not str or _NAME.fullmatch(name) is None:
        raise BadSignature(f"{name!s:.80} is no component")
    return Component(name, parameters, ser((name, dict(parameters))) if parameters else f'"{name}"')


def _twice(key: str, context: str) -> NoReturn:
    raise BadSignature(f"the {context} has {key} twice")
