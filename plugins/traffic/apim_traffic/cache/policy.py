"""Answer from a cache."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import blake2b
from typing import Any, ClassVar, Literal
from urllib.parse import urljoin, urlsplit

import attrs
from apim_sdk import (
    Clock,
    Context,
    Duration,
    ErrorKind,
    EvaluationError,
    Exchange,
    Expression,
    HeaderField,
    Policy,
    Reject,
    Request,
    Respond,
    Response,
    Send,
    Size,
    state,
)

from apim_traffic.cache.answering import answer_of
from apim_traffic.cache.filling import Filler
from apim_traffic.cache.flights import Flights
from apim_traffic.cache.judging import Rules
from apim_traffic.cache.keeping import Counters, Keeper
from apim_traffic.cache.keys import Key, KeyOf, Scope, holds, key_of
from apim_traffic.cache.marks import Marks
from apim_traffic.cache.memory_shelf import MemoryShelf
from apim_traffic.cache.shelf import Found, Lookup, Shelf
from apim_traffic.cache.tags import take_tags
from apim_traffic.cache.wishes import BYPASSED, CONDITIONS, PLAIN, RANGES, Wish, wish_of

__all__ = ["Cache"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_NOT_CACHED = ErrorKind("NOT_CACHED", "504", 504, "Gateway Timeout", "The answer is not in the cache")
_ALWAYS_SENT = frozenset(b"accept authorization host traceparent tracestate user-agent".split()) | CONDITIONS | RANGES
"""Request headers that the backend gets whatever the key holds."""


def _header(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None:
        HeaderField(value, "")


def _headers(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for name in value:
        HeaderField(name, "")


def _statuses(instance: Any, attribute: attrs.Attribute[Any], value: tuple[int, ...]) -> None:
    wrong = [status for status in value if not 200 <= status <= 599 or status in (206, 304)]
    if wrong:
        raise ValueError(f"{wrong[0]} is no status of an answer that can be kept: 200 to 599 without 206 and 304")


@attrs.frozen
class Cache(Policy):
    """Answers from a cache what the backend has answered before, as a shared cache does (RFC 9111).

    The backend decides by Cache-Control, Expires, Vary and validators what is kept, for how long and for whom; the
    options say what holds where it is silent, and bound it. Put the step last in the flow: what stands in front of it
    is done for each request, what comes after it only where the backend is asked. On an answer from the cache the
    RESPONSE flow runs as on any.
    """

    example: ClassVar[Any] = {"ttl": "30s", "max_ttl": "1h", "max_size": "64MiB"}

    methods: tuple[Literal["GET", "HEAD"], ...] = ("GET", "HEAD")
    """Methods that are answered from the cache. An answer to any other method but OPTIONS and TRACE that succeeds
    makes the cache forget what it had for the URL, and for those in its Location and Content-Location."""
    scope: Scope = "principal"
    """Who shares answers: `principal` (issuer and subject, with the application), `application`, or `public` for all.
    What a call with credentials brings is kept only where the key holds who called, or where the answer says itself
    that it may be shared: `public`, `s-maxage` or `must-revalidate` (RFC 9111, section 3.5). A cookie counts as a
    credential that no key holds."""
    key: tuple[Expression, ...] = ()
    """CEL expressions whose values are part of the key, beside API, host, path and query. Where one has an error, the
    call passes the cache by."""
    vary: tuple[str, ...] = attrs.field(default=(), validator=_headers)
    """Request headers that are part of the key, for a backend that does not name them in Vary."""
    unkeyed: Literal["pass", "remove"] = "pass"
    """What becomes of request headers that are neither in the key nor in `vary`: `remove` keeps them from the backend,
    which then cannot let them change an answer that others get."""
    ttl: Duration | None = None
    """How long an answer is fresh that does not say so itself; without it such answers are not kept."""
    max_ttl: Duration = Duration("1d")
    """How long any answer is fresh at most."""
    heuristic: float | None = attrs.field(
        default=None, validator=attrs.validators.optional([attrs.validators.gt(0), attrs.validators.le(1)])
    )
    """The part of the time since its last modification, such as 0.1, for which an answer is fresh that does not say so
    itself. Without it, `ttl` holds."""
    statuses: tuple[int, ...] = attrs.field(default=(200, 203, 204, 300, 301, 308), validator=_statuses)
    """Statuses for which `ttl` and `heuristic` hold. An error is kept only where it says for how long, or is named
    here."""
    condition: Expression | None = None
    """An answer is kept only if this is true of it, such as `response.headers["x-cacheable"] == "yes"`."""
    stale_while_revalidate: Duration = Duration(0)
    """How long a stale answer is given while it is validated in the background, where the backend does not say."""
    stale_if_error: Duration = Duration(0)
    """How long a stale answer is given where the backend fails, and does not say."""
    client_directives: bool = False
    """Whether Cache-Control of requests counts: `no-cache`, `no-store`, `max-age`, `max-stale`, `min-fresh` and
    `only-if-cached`. Any client can then have the backend asked."""
    targeted: tuple[str, ...] = attrs.field(default=("CDN-Cache-Control",), validator=_headers)
    """Headers of answers that count in the place of Cache-Control, the first that is there (RFC 9213)."""
    set_cookie: Literal["refuse", "remove", "keep"] = "refuse"
    """What becomes of an answer with Set-Cookie: it is not kept, kept without the cookie, or kept with it, so that all
    who share the answer get the same cookie."""
    bypass_header: str | None = attrs.field(default=None, validator=_header)
    """A request header by which clients pass the cache by (`bypass`) or have it filled anew (`refresh`). Whoever can
    reach the API can then use it."""
    collapse: Duration = Duration("5s")
    """How long a request waits for another one that asks the backend for the same; 0 lets each ask. An answer that may
    not be kept is never shared."""
    max_object: Size = Size("1MiB")
    """The largest body that is kept."""
    max_size: Size = Size("64MiB")
    """How many bytes each process keeps in memory for this step; what was not used for longest leaves first."""
    _clock: Clock = state()
    _count: Counters = state()
    _filler: Filler = state()
    _key: KeyOf = state()
    _memory: MemoryShelf | None = state()
    _shelf: Shelf = state()
    _marks: Marks = state()
    _slot: str = state()
    _watched: frozenset[bytes] = state()
    _bypass: bytes = state()

    def __attrs_post_init__(self) -> None:
        if self.condition is not None and self.condition.reads_body:
            raise ValueError("`condition` cannot look at the body: an answer is kept while it passes through")
        if any(part.reads_body for part in self.key):
            raise ValueError("`key` cannot look at the body: what is cached is asked for without one")
        bypass = HeaderField(self.bypass_header, "").lower_name if self.bypass_header else b""
        watched = CONDITIONS | RANGES | BYPASSED | ({bypass} - {b""})
        names = tuple([HeaderField(name, "").lower_name for name in self.vary])
        self.hold(
            _key=key_of(self.scope, self.key, names),
            _watched=watched | {b"cache-control"} if self.client_directives else watched,
            _bypass=bypass,
        )

    async def start(self, context: Context) -> None:
        counters = _counters(context)
        # What the key is made of belongs to the name of what is shared: a key that is made otherwise has another shelf.
        made_of = repr((self.scope, self.key, self.vary, self.unkeyed, self.set_cookie))
        name = f"{context.place} {blake2b(made_of.encode(), digest_size=8).hexdigest()}"
        shelf = await context.shared(
            ("cache", name),
            lambda: MemoryShelf(self.max_size, Marks(), Flights(context.clock.monotonic), context.clock.now),
        )
        rules, clock = self._rules(), context.clock
        keeper = Keeper(rules, shelf, shelf.marks, context, clock, counters, self.condition, self.max_object)
        self.hold(
            _clock=clock,
            _count=counters,
            _memory=shelf,
            _shelf=shelf,
            _marks=shelf.marks,
            _slot=f"cache {context.place}",
            _filler=Filler(keeper, shelf.flights, context, context.clock, self.collapse, self._only_keyed()),
        )

    def _rules(self) -> Rules:
        return Rules(
            self.max_ttl,
            self.ttl,
            self.heuristic,
            frozenset(self.statuses),
            self.stale_while_revalidate,
            self.stale_if_error,
            tuple([HeaderField(name, "").lower_name for name in self.targeted]),
            self.set_cookie,
        )

    def _only_keyed(self) -> frozenset[bytes] | None:
        if self.unkeyed == "pass":
            return None
        return _ALWAYS_SENT | {HeaderField(name, "").lower_name for name in self.vary}

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        request = exchange.request
        if request.method not in self.methods:
            return None
        wish: Wish | None = PLAIN
        if request.body.length or not self._watched.isdisjoint(request.headers.index):
            wish = self._wish(request)
        if wish is None:
            self._count.request(exchange.api.name, "bypass")
            return None
        try:
            key = self._key(exchange)
        except EvaluationError:
            self._count.request(exchange.api.name, "bypass")
            return None
        memory = self._memory
        if memory is None:
            return self._look_up(exchange, key, wish)
        entry = memory.entry(key, request.headers, exchange.api)
        if entry is not None and wish is PLAIN:
            now = self._clock.now()
            if now < entry.fresh_until:
                self._count.request(exchange.api.name, "hit")
                raise Respond(entry.answer(now))
        self._decide(exchange, key, wish, memory.find(key, request.headers, exchange.api))
        return None

    async def _look_up(self, exchange: Exchange, key: Key, wish: Wish) -> None:
        found = self._shelf.find(key, exchange.request.headers, exchange.api)
        self._decide(exchange, key, wish, found if isinstance(found, Found) else await found)

    def _decide(self, exchange: Exchange, key: Key, wish: Wish, found: Found) -> None:
        """Answer by what was found, or note what was looked for."""
        entry, request = found.entry, exchange.request
        if entry is not None:
            now = self._clock.now()
            if wish.accepts(entry, now):
                self._count.request(exchange.api.name, "hit" if now < entry.fresh_until else "stale")
                raise Respond(answer_of(entry, request, wish, now))
        if wish.only_if_cached:
            raise Reject(_NOT_CACHED)
        held = holds(self.scope, exchange)
        lookup = Lookup(exchange.api, key, wish, request.headers.copy(), held, found, self._marks.version)
        exchange.variables[self._slot] = lookup

    def _wish(self, request: Request) -> Wish | None:
        """What the request wants of the cache; None if the cache has no part in it."""
        headers = request.headers
        refresh = False
        if self._bypass and self._bypass in headers.index:
            said = (headers.first(self._bypass) or b"").lower().replace(b"_", b"")
            headers.discard(self._bypass)
            if said == b"bypass":
                return None
            refresh = said == b"refresh"
        if request.body.length or not BYPASSED.isdisjoint(headers.index):
            return None
        return wish_of(headers, self.client_directives, refresh)

    async def around(self, exchange: Exchange, send: Send) -> Response:
        lookup: Lookup | None = exchange.variables.pop(self._slot, None)
        if lookup is not None:
            return await self._filler.fill(exchange, send, lookup)
        response = await send(exchange)
        take_tags(response.headers)
        if exchange.request.method not in _SAFE and response.status < 400:
            for url in _changed(exchange.request, response):
                pending = self._shelf.invalidate(url)
                if pending is not None:
                    await pending
        return response


def _changed(request: Request, response: Response) -> set[str]:
    """The URLs that an unsafe request has changed: its own, and those of the same origin that the answer names
    (RFC 9111, section 4.4)."""
    own = f"{request.scheme}://{request.host}{request.path}"
    own = f"{own}?{request.query_string}" if request.query_string else own
    named = [response.headers.get(name) for name in ("Location", "Content-Location")]
    urls = set()
    for reference in ("", *filter(None, named)):
        try:
            parts = urlsplit(urljoin(own, reference))
        except ValueError:
            continue  # no URL, so it names nothing
        if parts.scheme == request.scheme and parts.netloc.lower() == request.host:
            urls.add(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    return urls


def _counters(context: Context) -> Counters:
    counter = context.metrics.counter
    stored = counter("apim_cache_stored_bytes_total", "Bytes of answers that caches have kept", ("api",))
    return Counters(
        counter("apim_cache_requests_total", "Requests that caches were asked for, by result", ("api", "result")),
        counter("apim_cache_not_kept_total", "Answers that caches did not keep, by the reason", ("api", "reason")),
        lambda api, size: stored(api, amount=size),
    )
