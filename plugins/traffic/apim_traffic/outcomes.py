"""What an operator calls a failure of the backend: statuses, kinds of faults, a condition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from apim_sdk import Exchange, Expression, Fault, Response, errors

from apim_traffic.conditions import holds

__all__ = ["NOTHING_SENT", "Failures", "FaultName", "check_statuses"]

FaultName = Literal["connect", "timeout", "reset", "protocol", "busy"]
"""Kinds of faults, as operators write them."""

_CODES: Final[Mapping[FaultName, tuple[str, ...]]] = MappingProxyType(
    {
        "connect": (errors.ENDPOINT_CONNECTION_FAILED.code, errors.ENDPOINT_CONNECT_TIMEOUT.code),
        "timeout": (errors.ENDPOINT_TIMEOUT.code,),
        "reset": (
            errors.ENDPOINT_SEND_FAILED.code,
            errors.ENDPOINT_RECEIVE_FAILED.code,
            errors.ENDPOINT_CONNECTION_CLOSED.code,
        ),
        "protocol": (errors.ENDPOINT_PROTOCOL_VIOLATION.code,),
        "busy": (errors.ENDPOINT_BUSY.code,),
    }
)

NOTHING_SENT: Final = frozenset((*_CODES["connect"], *_CODES["busy"]))
"""Codes of faults that happen before the first byte of a request has left."""


class Failures:
    """Tells failures from answers that are the backend's good right, such as 404."""

    __slots__ = ("_codes", "_statuses", "_when")

    def __init__(self, statuses: Collection[int], faults: Iterable[FaultName], when: Expression | None) -> None:
        self._statuses = frozenset(statuses)
        self._codes = frozenset(code for name in faults for code in _CODES[name])
        self._when = when

    def in_answer(self, exchange: Exchange, response: Response) -> bool:
        """Whether this answer is a failure. Raises Fault where the condition has an error."""
        if response.status in self._statuses:
            return True
        if self._when is None:
            return False
        exchange.response = response
        return holds(self._when, exchange)

    def in_fault(self, exchange: Exchange, fault: Fault) -> bool:
        """Whether this fault is a failure of the backend. Raises Fault where the condition has an error."""
        if fault.kind.code in self._codes:
            return True
        if self._when is None:
            return False
        before, exchange.fault = exchange.fault, fault
        try:
            return holds(self._when, exchange)
        finally:
            exchange.fault = before


def check_statuses(instance: object, attribute: object, value: tuple[int, ...]) -> None:
    """Refuse what is no status of an answer."""
    for status in value:
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is no status of an answer: write 200 to 599")
