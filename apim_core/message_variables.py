"""What an expression can see of a message of a stream: the message, and its exchange as other expressions see it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from apim_core.expressions import Environment, EvaluationError, Lookup, Record, Variable
from apim_core.variables import environment

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.streams import Message

__all__ = ["MOST_READ", "Passing", "message_environment"]

MOST_READ: Final = 64 * 1024
"""Bytes of data that an expression reads, as text or JSON; of more, it has an error rather than half of the data."""


class Passing:
    """A message, while an expression looks at it."""

    __slots__ = ("_json", "exchange", "message")

    def __init__(self, exchange: Exchange, message: Message) -> None:
        self.exchange = exchange
        self.message = message
        self._json: Mapping[str, Any] | None = None

    def text(self) -> str | None:
        """The data as text; None of a binary message. Raises EvaluationError."""
        return None if self.message.kind == "binary" else self._data().decode("utf-8", "replace")

    def json(self) -> Mapping[str, Any]:
        """The object that the data is, parsed once. Raises EvaluationError where it is none, and for one that has a
        name twice, of which another reader may take the other."""
        if self._json is None:
            data = self._data()
            try:
                found = json.loads(data, object_pairs_hook=_object, parse_constant=_no_number)
            except (ValueError, RecursionError) as error:
                raise EvaluationError(f"the message is no JSON that can be read: {error}") from None
            if not isinstance(found, dict):
                raise EvaluationError("the message is JSON, but no object")
            self._json = found
        return self._json

    def _data(self) -> bytes:
        data = self.message.data
        if len(data) > MOST_READ:
            raise EvaluationError(f"the message has {len(data):,} bytes; expressions read at most {MOST_READ:,}")
        return data


@cache
def message_environment() -> Environment:
    """The environment that every expression about messages is compiled in."""
    message = Record(
        {
            "kind": lambda passing: passing.message.kind,
            "direction": lambda passing: passing.message.direction,
            "size": lambda passing: len(passing.message.data),
            "event": lambda passing: passing.message.event,
            "id": lambda passing: passing.message.id,
            "text": lambda passing: passing.text(),
            "json": Lookup(lambda passing: passing.json(), get=lambda passing, name: passing.json().get(name)),
        }
    )
    exchange = {name: _of_exchange(variable) for name, variable in environment().variables.items()}
    return Environment(variables={**exchange, "message": message})


def _of_exchange(variable: Variable) -> Variable:
    """A variable of the exchange, for a context that holds one."""
    if isinstance(variable, Record):
        return Record({name: _of_exchange(field) for name, field in variable.fields.items()})
    if isinstance(variable, Lookup):
        whole, get = variable.resolver, variable.get
        return Lookup(
            lambda passing: whole(passing.exchange),
            None if get is None else lambda passing, key: get(passing.exchange, key),
        )
    read = variable
    return lambda passing: read(passing.exchange)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has a name twice")
    return members


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
