"""The exchange: one request with its response, and all that is known of it on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import getrandbits
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from apim_sdk.messages import Request, Response

if TYPE_CHECKING:
    from apim_sdk.errors import Fault
    from apim_sdk.headers import Headers
    from apim_sdk.identity import Application, Client, KeyType, Principal, Subscription
    from apim_sdk.streams import MessageTotals

__all__ = ["API", "Exchange", "Operation", "Plan", "Timings"]


@attrs.frozen
class API:
    """The API that an exchange belongs to."""

    name: str
    version: str
    context: str


@attrs.frozen
class Operation:
    """The operation that matched; ``method`` is ``*`` where it takes any, ``own_endpoint`` tells that its requests do
    not go to the API's endpoint."""

    method: str
    template: str
    id: str | None = None
    scopes: tuple[str, ...] = ()
    own_endpoint: bool = False
    label: str = attrs.field(init=False, eq=False, repr=False)
    """``GET /orders/{id}``"""

    @label.default
    def _label(self) -> str:
        return f"{self.method} {self.template}"


@attrs.frozen
class Plan:
    """The plan by which the consumer came in."""

    name: str


class Timings:
    """Points in time of an exchange, in seconds of the monotonic clock; 0.0 where one was not reached."""

    __slots__ = ("endpoint_finished", "endpoint_started", "finished", "started")

    def __init__(self, started: float = 0.0) -> None:
        self.started = started
        self.endpoint_started = 0.0
        self.endpoint_finished = 0.0
        self.finished = 0.0


class Wire(Protocol):
    """The way to the client, as whoever runs an exchange has it."""

    def interim(self, status: int, headers: Headers) -> None:
        """Send an interim answer, if the client can still take one."""


_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


class Exchange:
    """One request with its response.

    One exchange belongs to one task; policies change it one after the other. ``endpoint_path`` is what follows the
    endpoint's URL: the canonical path behind the API's context, or what a policy put there. ``variables`` is free for
    policies to pass values on; ``key_type`` says for which world the caller's key is, None where nothing says so.
    ``fault`` is set once something refused or failed. ``bytes_received`` and
    ``bytes_sent`` count body bytes and are final when the exchange is over: in what was deferred, and in the record.
    ``messages`` counts those of a stream, where a step was passed that sees them; else it is None.
    """

    __slots__ = (
        "_afters",
        "_deferred",
        "_faulted",
        "_id",
        "_variables",
        "_wire",
        "api",
        "application",
        "bytes_received",
        "bytes_sent",
        "client",
        "endpoint_path",
        "fault",
        "key_type",
        "messages",
        "operation",
        "path_parameters",
        "plan",
        "principal",
        "request",
        "response",
        "subscription",
        "timings",
    )

    api: API
    operation: Operation

    def __init__(self, request: Request, client: Client, id: str = "", started: float = 0.0) -> None:  # noqa: A002  # the standard word
        self.request = request
        self.client = client
        self._id = id
        self.response: Response | None = None
        self.plan: Plan | None = None
        self.principal: Principal | None = None
        self.application: Application | None = None
        self.subscription: Subscription | None = None
        self.key_type: KeyType | None = None
        self.path_parameters = _NO_PARAMETERS
        self.endpoint_path = ""
        self.fault: Fault | None = None
        self.messages: MessageTotals | None = None
        self.timings = Timings(started)
        self.bytes_received = 0
        self.bytes_sent = 0
        self._variables: dict[str, Any] | None = None
        self._afters: list[Callable[[Exchange], Any]] = []
        self._deferred: list[Callable[[], None]] = []
        self._faulted: list[Callable[[Exchange], Any]] | None = None
        self._wire: Wire | None = None

    @property
    def id(self) -> str:
        """What tells this exchange from all others: 32 hexadecimal digits, made when somebody asks for them."""
        if not self._id:
            self._id = "%032x" % getrandbits(128)  # noqa: UP031  # quicker than an f-string
        return self._id

    @property
    def variables(self) -> dict[str, Any]:
        """Values that policies pass on to later ones."""
        if self._variables is None:
            self._variables = {}
        return self._variables

    def interim(self, status: int, headers: Headers) -> None:
        """Send the client an interim answer now, such as 103 with Link (RFC 8297): one of 102 to 199.

        It is a hint that nobody may rely on: nothing is sent to a client of HTTP/1.0 or one that is gone, once the
        answer has begun, and for what is done behind the client's back. No flow sees it, and no cache keeps it. Raises
        ValueError for another status.
        """
        if not 102 <= status <= 199:
            raise ValueError(f"{status} is no interim status that may be sent: 102 to 199")
        if self._wire is not None:
            self._wire.interim(status, headers)

    def before_answer(self, callback: Callable[[Exchange], Any]) -> None:
        """Have ``callback`` called, and awaited if it answers an awaitable, when the answer or the fault is about to
        leave, as the ``after`` of a policy is: for what is no policy, such as an authenticator that adds a header.

        The last that was added is called first; one that raises is logged.
        """
        self._afters.append(callback)

    def if_faulted(self, callback: Callable[[Exchange], Any]) -> None:
        """The same, but only where something refuses or fails from now on: for what is to be undone then."""
        if self._faulted is None:
            self._faulted = [callback]
        else:
            self._faulted.append(callback)

    def faulted(self, fault: Fault) -> None:
        """Called by whoever runs the exchange: something has refused or failed."""
        self.fault = fault
        if self._faulted is not None:
            self._afters += self._faulted
            self._faulted = None

    def defer(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the exchange is over: the answer is all sent, or the client has gone away.

        It may not wait. The last deferred is called first; one that raises is logged.
        """
        self._deferred.append(callback)

    def __repr__(self) -> str:
        return f"<Exchange {self.request.method} {self.request.path}>"
