"""Set a header."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import Exchange, HeaderEdit, HeaderField, Headers, Policy, Template, state

from apim_mediation.names import header_name

__all__ = ["SetHeader"]


@attrs.frozen
class SetHeader(Policy):
    """Sets a header: of the request in a request flow, of the answer in a response or fault flow."""

    example: ClassVar[Any] = {"name": "X-Gateway", "value": "apim"}

    name: str = attrs.field(validator=header_name)
    """Name of the header."""
    value: Template
    """Value of the header."""
    mode: Literal["set", "add", "if-absent"] = "set"
    """`set` replaces what is there, `add` appends a field beside it, `if-absent` leaves it as it is."""
    _constant: HeaderField | None = state()
    _put: HeaderField | None = state()
    """The field that is just put there, whatever else there is."""

    def __attrs_post_init__(self) -> None:
        constant = self.value.constant
        field = None if constant is None else HeaderField(self.name, constant)
        self.hold(_constant=field, _put=field if self.mode == "set" else None)

    @property
    def header_edits(self) -> tuple[HeaderEdit, ...]:
        return () if self._put is None else ((self._put.lower_name, self._put.pair),)

    def on_request(self, exchange: Exchange) -> None:
        if self._put is not None:
            exchange.request.headers.put(self._put)
        else:
            self._apply(exchange.request.headers, exchange)

    def on_response(self, exchange: Exchange) -> None:
        response = exchange.response
        if response is None:
            return
        if self._put is not None:
            response.headers.put(self._put)
        else:
            self._apply(response.headers, exchange)

    on_fault = on_response

    def _apply(self, headers: Headers, exchange: Exchange) -> None:
        if self.mode == "if-absent" and self.name in headers:
            return
        field = self._constant or HeaderField(self.name, self.value.render(exchange))
        if self.mode == "add":
            headers.append(field)
        else:
            headers.put(field)
