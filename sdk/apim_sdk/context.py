"""What a plugin gets from the core when it starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from apim_sdk.counting import Clock

if TYPE_CHECKING:
    from apim_sdk.counters import CounterStore
    from apim_sdk.exchange import Exchange
    from apim_sdk.identity import ApplicationKey
    from apim_sdk.key_manager import KeyManager
    from apim_sdk.messages import Response
    from apim_sdk.stores import Store
    from apim_sdk.upstream import UpstreamSettings, UpstreamTLS

__all__ = ["Applications", "Clock", "Context", "Fetched", "Logger", "Metrics", "Revocations", "Upstream"]

Shared = TypeVar("Shared")

NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Logger(Protocol):
    """Structured log lines: an event in words, facts by name."""

    def debug(self, event: str, **facts: Any) -> Any: ...
    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


class Applications(Protocol):
    """The applications that may call, found by what they present."""

    def find(self, kind: str, value: str, key_manager: str | None = None) -> ApplicationKey | None:
        """The key ``value`` of the kind (``api-key``, ``client_id`` ...) that an application holds, if one does.

        A ``client_id`` is one of a key manager's: only a key for that one, or for any, is found. Values are held hashed
        and found by their hash, so the time it takes says nothing of other values. Neither dates nor bounds of the key
        are looked at here.
        """


class Revocations(Protocol):
    """What has been revoked before it expired."""

    @property
    def generation(self) -> int:
        """Counts up with every revocation, so that what was found good before is looked at again."""

    def revoked(
        self,
        *,
        token_id: str | None = None,
        token: str | None = None,
        client_id: str | None = None,
        subject: str | None = None,
        issuer: str | None = None,
        issued_at: float | None = None,
    ) -> bool:
        """Whether a token is revoked: by its ``jti``, by its own bytes, or as one of a client or subject that was
        issued (seconds since the epoch; unknown counts as before) before theirs were revoked."""


class Fetched(Protocol):
    """The answer to a callout."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Upstream(Protocol):
    """A pool of connections of the data plane to one origin."""

    async def send(self, exchange: Exchange, target: str) -> Response:
        """Send the exchange's request to ``target`` (path and query). Raises Fault with an ENDPOINT_ kind."""


class Metrics(Protocol):
    """Numbers that the management port shows."""

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Callable[..., None]:
        """A counter: call what this answers as ``count(*label_values, amount=1)``."""

    def histogram(
        self, name: str, description: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
    ) -> Callable[..., None]:
        """A histogram: call what this answers as ``observe(value, *label_values)``."""

    def gauge(
        self, name: str, description: str, read: Callable[[], float | None], labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """A value that is read whenever somebody looks, until ``read`` answers None: then it is gone. Of several with
        the same labels, the last is read."""


class Context(Protocol):
    """What the core has for a plugin. It belongs to one snapshot; everything it gave ends with it."""

    @property
    def place(self) -> str:
        """Where the instance stands in the configuration, by names: the same over reloads as long as that stays.

        State that belongs to one step (a counter) is shared under a key that holds its place.
        """

    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> Logger: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def applications(self) -> Applications: ...

    @property
    def revocations(self) -> Revocations: ...

    @property
    def key_managers(self) -> Mapping[str, KeyManager]:
        """The key managers whose tokens are taken where the plugin stands, by name: those that the API allows, of its
        tenant before those of all; not those whose tokens have to be exchanged first. For a key manager, those whose
        tokens may be exchanged."""

    def key_manager(self, name: str) -> KeyManager:
        """The configured key manager of that name. Raises LookupError with the names there are."""

    def store(self, name: str) -> Store:
        """The configured store of that name. Raises LookupError with the names there are."""

    def counters(self, name: str | None = None) -> CounterStore | None:
        """The configured counter store of that name; of none, the one named ``default``, or else that of the node.

        ``node`` is the supervisor's, which counts for all workers. None where the process counts by itself: it is the
        only one of its node, or the name is ``process``. Raises LookupError with the names there are.
        """

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
    ) -> Fetched:
        """Call out through the egress guard: no private addresses unless allowed, no redirects, bounded in size and
        time; ``tls`` is for a server with a CA of its own, or one that wants a certificate. Raises OSError
        (ConnectionError, TimeoutError, PermissionError) where that fails, ValueError where a file of ``tls`` is no
        good."""

    async def upstream(self, url: str, settings: UpstreamSettings) -> Upstream:
        """The pool of connections to the origin of ``url``; snapshots that use the same settings share it."""

    @overload
    async def shared(self, key: Hashable, open: Callable[[], Awaitable[Shared]]) -> Shared: ...
    @overload
    async def shared(self, key: Hashable, open: Callable[[], Shared]) -> Shared: ...
    async def shared(self, key: Hashable, open: Callable[[], Any]) -> Any:  # noqa: A002  # it opens
        """What instances share: opened by the first, handed to the next, over snapshots too, and closed (its
        ``close`` or ``aclose``, if it has one) when the last snapshot that took it has stopped."""

    def offer(self, action: str, handler: Callable[[Mapping[str, Any]], Awaitable[bool | None]]) -> None:
        """Let the management port have something done: ``POST /actions/{action}`` awaits the handlers of all that offer
        it, with the members of its body, in every process of the node. A handler raises ValueError where they are no
        good, OSError where it could not do it, and answers False where they are about others; it may come twice to the
        same effect."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a background task until the snapshot stops; it is then cancelled. One that raises is logged."""
