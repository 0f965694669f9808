"""Answer from a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from hashlib import blake2b
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

import attrs
from apim_sdk import (
    Clock,
    Context,
    ErrorKind,
    EvaluationError,
    Exchange,
    Policy,
    Reject,
    Request,
    Respond,
    Response,
    Send,
    state,
)

from apim_traffic.cache.answering import answer_of
from apim_traffic.cache.filling import Filler
from apim_traffic.cache.flights import Flights
from apim_traffic.cache.judging import Rules
from apim_traffic.cache.keeping import Counters, Keeper, Shelf, done
from apim_traffic.cache.keys import Key, KeyOf, holds, key_of
from apim_traffic.cache.marks import Marks
from apim_traffic.cache.memory_shelf import MemoryShelf
from apim_traffic.cache.options import Options, lower_names
from apim_traffic.cache.purging import Purges
from apim_traffic.cache.shelf import Found, Lookup
from apim_traffic.cache.store_shelf import StoreShelf
from apim_traffic.cache.tags import take_tags
from apim_traffic.cache.wishes import BYPASSED, CONDITIONS, PLAIN, RANGES, Wish, wish_of

__all__ = ["Cache"]

_SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_NOT_CACHED = ErrorKind("NOT_CACHED", "504", 504, "Gateway Timeout", "The answer is not in the cache")
_ALWAYS_SENT = frozenset(b"accept authorization host traceparent tracestate user-agent".split()) | CONDITIONS | RANGES
"""Request headers that the backend gets whatever the key holds."""


@attrs.frozen
class Cache(Options, Policy):
    """Answers from a cache what the backend has answered before, as a shared cache does (RFC 9111).

    The backend decides by Cache-Control, Expires, Vary and validators what is kept, for how long and for whom; the
    options say what holds where it is silent, and bound it. Put the step last in the flow: what stands in front of it
    is done for each request, what comes after it only where the backend is asked. On an answer from the cache the
    RESPONSE flow runs as on any.
    """

    example: ClassVar[Any] = {"ttl": "30s", "max_ttl": "1h", "max_size": "64MiB"}

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
        super().__attrs_post_init__()
        bypass = lower_names((self.bypass_header,)) if self.bypass_header else ()
        directives = (b"cache-control",) if self.client_directives else ()
        self.hold(
            _key=key_of(self.scope, self.key, lower_names(self.vary)),
            _watched=CONDITIONS | RANGES | BYPASSED | frozenset((*bypass, *directives)),
            _bypass=bypass[0] if bypass else b"",
        )

    async def start(self, context: Context) -> None:
        clock, counters = context.clock, _counters(context)
        # What the key is made of is part of the name: a key that is made otherwise finds nothing of before.
        made_of = repr((self.scope, self.key, self.vary, self.unkeyed, self.set_cookie, self.purges, self.max_size))
        name = f"{context.place} {blake2b(made_of.encode(), digest_size=8).hexdigest()}"
        told_by = self.purges or self.store
        purges = await context.shared(("cache purges", told_by or name), Purges)
        purges.start(context.store(told_by) if told_by else None, context)
        flights = await context.shared(("cache flights", name), lambda: Flights(clock.monotonic))
        shelf = await self._open(context, name, purges.marks)
        rules = self._rules()
        keeper = Keeper(rules, shelf, purges.marks, context, clock, counters, self.condition, self.max_object)
        self.hold(
            _clock=clock,
            _count=counters,
            _memory=shelf if isinstance(shelf, MemoryShelf) else None,
            _shelf=shelf,
            _marks=purges.marks,
            _slot=f"cache {context.place}",
            _filler=Filler(keeper, flights, context, clock, self.collapse, self._only_keyed()),
        )

    async def _open(self, context: Context, name: str, marks: Marks) -> Shelf:
        """Where the answers are."""
        counter, place = context.metrics.counter, context.place
        if self.store is not None:
            failed = counter("apim_cache_store_failures_total", "Times that the store of a cache failed", ("place",))
            step = blake2b(name.encode(), digest_size=8).hexdigest()
            return StoreShelf(
                context.store(self.store),
                step,
                self.store_timeout,
                marks,
                context.clock,
                context.log,
                lambda: failed(place),
            )
        evicted = counter("apim_cache_evictions_total", "Keys that left a cache for want of room", ("place",))
        memory: MemoryShelf = await context.shared(
            ("cache", name),
            lambda: MemoryShelf(self.max_size, marks, context.clock.now, lambda keys: evicted(place, amount=keys)),
        )
        return memory

    def _rules(self) -> Rules:
        return Rules(
            self.max_ttl,
            self.ttl,
            self.heuristic,
            frozenset(self.statuses),
            self.stale_while_revalidate,
            self.stale_if_error,
            lower_names(self.targeted),
            self.set_cookie,
        )

    def _only_keyed(self) -> frozenset[bytes] | None:
        if self.unkeyed == "pass":
            return None
        return _ALWAYS_SENT | frozenset(lower_names(self.vary))

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
        flight = self._filler.flights.find(key)
        found: Found = await done(self._shelf.find(key, exchange.request.headers, exchange.api))
        outdated = found.entry is None or self._clock.now() >= found.entry.fresh_until
        if outdated and flight is not None and flight.keeping:
            with contextlib.suppress(TimeoutError):  # what is on its way to the store is there in a moment
                await flight.wait(self.store_timeout)
            found = await done(self._shelf.find(key, exchange.request.headers, exchange.api))
        self._decide(exchange, key, wish, found)

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
                await done(self._shelf.invalidate(url))
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
