"""The record of an exchange: what sinks get."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.streams import MessageTotals

__all__ = ["Record"]


class Record:
    """What is known of an exchange when it is over.

    Made for every request, so it only takes references; whoever writes it chooses what to format. Times are in
    seconds; ``timestamp`` since the epoch. A status of 499 stands for a client that went away before the answer.
    ``messages`` are the totals of a stream whose messages were read; of all other exchanges it is None.
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
        "messages",
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
        timings = exchange.timings
        plan, application, principal, fault = exchange.plan, exchange.application, exchange.principal, exchange.fault
        self.timestamp = timestamp
        self.exchange_id = exchange.id
        self.method = request.method
        self.host = request.host
        self.path = request.path
        self.status = status
        try:
            api = exchange.api
            self.api: str | None = api.name
            self.version: str | None = api.version
            self.operation: str | None = exchange.operation.label
        except AttributeError:  # it matched none
            self.api = self.version = self.operation = None
        self.plan: str | None = None if plan is None else plan.name
        self.application: str | None = None if application is None else application.name
        self.subject: str | None = None if principal is None else principal.subject
        self.client_address = exchange.client.address
        self.bytes_received = exchange.bytes_received
        self.bytes_sent = exchange.bytes_sent
        messages = exchange.messages
        self.messages: MessageTotals | None = messages if messages is not None and messages.stream else None
        finished = timings.finished
        self.duration = finished - timings.started
        began = timings.endpoint_started
        self.endpoint_duration = (timings.endpoint_finished or finished) - began if began else 0.0
        if fault is None:
            self.error_key: str | None = None
            self.error_code: str | None = None
            self.error_detail: str | None = None
            self.policy: str | None = None
        else:
            self.error_key = fault.kind.key
            self.error_code = fault.kind.code
            self.error_detail = fault.detail
            self.policy = fault.policy
