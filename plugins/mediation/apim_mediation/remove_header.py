"""Remove headers."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import Exchange, HeaderEdit, Headers, Policy, state

from apim_mediation.names import header_name

__all__ = ["RemoveHeader"]


def _name_or_prefix(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None:
        if "*" in value[:-1]:
            raise ValueError(f"{value!r}: `*` stands at the end of a name only")
        header_name(instance, attribute, value.removesuffix("*"))


@attrs.frozen
class RemoveHeader(Policy):
    """Removes headers: of the request in a request flow, of the answer in a response or fault flow."""

    example: ClassVar[Any] = {"name": "Server"}

    name: str | None = attrs.field(default=None, validator=_name_or_prefix)
    """Name of the header; with a `*` at its end, all headers that begin so."""
    names: tuple[str, ...] = attrs.field(default=(), validator=attrs.validators.deep_iterable(_name_or_prefix))
    """Names of more headers, each as `name`."""
    _exact: tuple[bytes, ...] = state()
    _prefixes: tuple[bytes, ...] = state()

    def __attrs_post_init__(self) -> None:
        names = [name.lower().encode("ascii") for name in (self.name, *self.names) if name is not None]
        if not names:
            raise ValueError("say what to remove: `name` or `names`")
        self.hold(
            _exact=tuple(name for name in names if not name.endswith(b"*")),
            _prefixes=tuple(name[:-1] for name in names if name.endswith(b"*")),
        )

    @property
    def header_edits(self) -> tuple[HeaderEdit, ...]:
        return () if self._prefixes else tuple((name, None) for name in self._exact)

    def on_request(self, exchange: Exchange) -> None:
        self._remove(exchange.request.headers)

    def on_response(self, exchange: Exchange) -> None:
        if exchange.response is not None:
            self._remove(exchange.response.headers)

    on_fault = on_response

    def _remove(self, headers: Headers) -> None:
        for name in self._exact:
            headers.discard(name)
        if self._prefixes:
            for name in [name for name in headers.index if name.startswith(self._prefixes)]:
                headers.discard(name)
