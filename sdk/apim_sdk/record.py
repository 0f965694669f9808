"""The record of an exchange: what sinks get."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange

__all__ = ["Record"]


class Record:
    """What is known of an exchange when it is over.

    Made for every request, so it only takes references; whoever writes it chooses what to format. Times are in
    seconds; ``timestamp`` since the epoch. A status of 499 stands for a client that went away before the answer.
    """

    __slots__ = (
        "api",
        "application",
        "bytes_received",
        "bytes_sent",
        "client_address",
        "duration",
        "endpoint_duration",
        "error_code",
        "error_detail",
        "error_key",
        "exchange_id",
        "host",
        "method",
        "operation",
        "path",
        "plan",
        "policy",
        "status",
        "subject",
        "timestamp",
        "version",
    )

    def __init__(self, exchange: Exchange, status: int, timestamp: float) -> None:
        request = exchange.request
        api = getattr(exchange, "api", None)
        operation = getattr(exchange, "operation", None)
        timings = exchange.timings
        fault = exchange.fault
        self.timestamp = timestamp
        self.exchange_id = exchange.id
        self.method = request.method
        self.host = request.host
        self.path = request.path
        self.status = status
        self.api: str | None = api.name if api is not None else None
        self.version: str | None = api.version if api is not None else None
        self.operation: str | None = operation.label if operation is not None else None
        self.plan: str | None = exchange.plan.name if exchange.plan is not None else None
        self.application: str | None = exchange.application.name if exchange.application is not None else None
        self.subject: str | None = exchange.principal.subject if exchange.principal is not None else None
        self.client_address = exchange.client.address
        self.bytes_received = exchange.bytes_received
        self.bytes_sent = exchange.bytes_sent
        self.duration = timings.finished - timings.started
        self.endpoint_duration = (timings.endpoint_finished or timings.finished) - timings.endpoint_started
        if not timings.endpoint_started:
            self.endpoint_duration = 0.0
        self.error_key: str | None = fault.kind.key if fault is not None else None
        self.error_code: str | None = fault.kind.code if fault is not None else None
        self.error_detail: str | None = fault.detail if fault is not None else None
        self.policy: str | None = fault.policy if fault is not None else None
