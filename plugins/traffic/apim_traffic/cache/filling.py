"""The way of a request that the cache could not answer: with others, or to the backend, or back with what is stale."""

from __future__ import annotations

import attrs
from apim_sdk import Clock, Context, Exchange, Fault, Headers, Response, Send

from apim_traffic.cache.answering import answer_of
from apim_traffic.cache.behind import copy_of
from apim_traffic.cache.flights import Flight, Flights, Landing
from apim_traffic.cache.keeping import Keeper, done
from apim_traffic.cache.shelf import Lookup
from apim_traffic.cache.wishes import CONDITIONS

__all__ = ["Filler"]

_FAILURES = frozenset((500, 502, 503, 504))
"""What stale-if-error is about (RFC 5861, section 4)."""


@attrs.frozen
class Filler:
    """Fills the shelf of a keeper."""

    keeper: Keeper
    flights: Flights
    context: Context
    clock: Clock
    collapse: float
    """Seconds for which a request waits for another; 0 if it does not."""
    only_keyed: frozenset[bytes] | None
    """The request headers that the backend gets, where it is not to get all."""

    async def fill(self, exchange: Exchange, send: Send, lookup: Lookup) -> Response:
        """The answer: stale while it is validated, what another request brings, or the backend's."""
        entry, wish, now = lookup.entry, lookup.wish, self.clock.now()
        if entry is not None and not wish.strict and entry.fresh_until <= now < entry.stale_while_until:
            self._validate_behind(exchange, send, lookup)
            self._count(exchange, "stale")
            return answer_of(entry, exchange.request, wish, now)
        if not wish.whole or exchange.request.method != "GET" or not self.collapse:
            return await self._fetch(exchange, send, lookup, None)
        found = await self._wait(exchange, lookup)
        if found is not None:
            return found
        flight = self.flights.open(lookup.key)
        if flight is not None:
            exchange.defer(flight.over)
        return await self._fetch(exchange, send, lookup, flight)

    def _count(self, exchange: Exchange, result: str) -> None:
        self.keeper.count.request(exchange.api.name, result)

    async def _wait(self, exchange: Exchange, lookup: Lookup) -> Response | None:
        """What a request for the same brings; None where there is none, or not for this one."""
        until = self.clock.monotonic() + self.collapse
        while (flight := self.flights.find(lookup.key)) is not None:
            try:
                landing = await flight.wait(max(0.0, until - self.clock.monotonic()))
            except TimeoutError:
                self._count(exchange, "collapse-timeout")
                return None
            if landing is Landing.KEPT:
                return await self._shared(exchange, lookup)
            if landing is Landing.FAILED:
                return self._stale(exchange, lookup)
            if landing is Landing.NOT_KEPT:
                return None
        return None

    async def _shared(self, exchange: Exchange, lookup: Lookup) -> Response | None:
        """What has just been kept, if it is for this request, too."""
        lookup.found = await done(self.keeper.shelf.find(lookup.key, lookup.headers, lookup.api))
        lookup.marks = self.keeper.marks.version
        entry, now = lookup.entry, self.clock.now()
        if entry is None or not lookup.wish.accepts(entry, now):
            return None
        self._count(exchange, "collapsed")
        return answer_of(entry, exchange.request, lookup.wish, now)

    def _validate_behind(self, exchange: Exchange, send: Send, lookup: Lookup) -> None:
        """Have the entry validated in the background, unless that is being done."""
        flight = self.flights.open(lookup.key)
        if flight is None:
            return
        behind = copy_of(exchange)

        async def validate() -> None:
            try:
                response = await self._fetch(behind, send, lookup, flight)
                async for _ in response.body:
                    pass
            except Fault as fault:
                self.context.log.info("a stale answer could not be validated", reason=fault.detail or str(fault))
            finally:
                flight.over()

        self.context.spawn(validate(), "validate")

    async def _fetch(self, exchange: Exchange, send: Send, lookup: Lookup, flight: Flight | None) -> Response:
        try:
            return await self._ask(exchange, send, lookup, flight)
        except BaseException:
            if flight is not None:
                flight.land(Landing.BROKEN)
            raise

    async def _ask(self, exchange: Exchange, send: Send, lookup: Lookup, flight: Flight | None) -> Response:
        """The backend's answer, or the one that it says is still good, or a stale one where it fails."""
        request, entry = exchange.request, lookup.entry
        original = request.headers
        validators = entry.validators if entry is not None and request.method == "GET" else ()
        asked = self.clock.now()
        sent = request.headers = self._sent(original, validators)
        try:
            response = await send(exchange)
            if response.status == 304 and entry is not None and validators:
                updated = self.keeper.validated(lookup, entry, response, asked)
                if updated is not None:
                    await self.keeper.put_back(lookup, updated, flight)
                    self._count(exchange, "revalidated")
                    request.headers = original
                    return answer_of(updated, request, lookup.wish, self.clock.now())
                sent = request.headers = self._sent(original, ())
                response = await send(exchange)
        except Fault as fault:
            stale = self._stale(exchange, lookup) if fault.status in _FAILURES else None
            if stale is None:
                raise
            return self._failed(stale, flight)
        finally:
            request.headers = original
        if response.status in _FAILURES:
            stale = self._stale(exchange, lookup)
            if stale is not None:
                response.body.close()
                return self._failed(stale, flight)
        self._count(exchange, "miss")
        return await self.keeper.consider(exchange, lookup, response, sent, asked, flight)

    def _sent(self, headers: Headers, validators: tuple[tuple[str, bytes], ...]) -> Headers:
        """The headers for the backend; it is asked about the stored answer instead of the client's."""
        if not validators and self.only_keyed is None:
            return headers
        sent = headers.copy()
        if self.only_keyed is not None:
            for name in [name for name in sent.index if name not in self.only_keyed]:
                sent.discard(name)
        if validators:
            for condition in CONDITIONS:
                sent.discard(condition)
            for field, value in validators:
                sent.set(field, value.decode("latin-1"))
        return sent

    def _stale(self, exchange: Exchange, lookup: Lookup) -> Response | None:
        """The stale answer that may be given where the backend fails."""
        entry, now = lookup.entry, self.clock.now()
        if entry is None or now >= entry.stale_if_until:
            return None
        self._count(exchange, "stale")
        return answer_of(entry, exchange.request, lookup.wish, now)

    def _failed(self, stale: Response, flight: Flight | None) -> Response:
        if flight is not None:
            flight.land(Landing.FAILED)
        return stale
