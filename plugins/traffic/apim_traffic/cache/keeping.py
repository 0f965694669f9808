"""What is kept of an answer of the backend, once it is whole."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import attrs
from apim_sdk import Clock, Context, EvaluationError, Exchange, Expression, Headers, Response

from apim_traffic.cache.answering import freshened
from apim_traffic.cache.dates import http_date
from apim_traffic.cache.entry import Entry
from apim_traffic.cache.flights import Flight, Landing
from apim_traffic.cache.judging import Refused, Rules, Terms
from apim_traffic.cache.keys import asks_for
from apim_traffic.cache.marks import Marks
from apim_traffic.cache.memory_shelf import MemoryShelf
from apim_traffic.cache.recording import recorded
from apim_traffic.cache.shelf import Lookup, subjects_of
from apim_traffic.cache.store_shelf import StoreShelf
from apim_traffic.cache.tags import take_tags
from apim_traffic.cache.varying import names_of, select

__all__ = ["Counters", "Keeper", "Shelf", "done"]

Shelf = MemoryShelf | StoreShelf
"""Where the answers of a step are."""

_ADDED_BEHIND: Final = frozenset((b"forwarded", b"via", b"x-forwarded-for"))
"""What the gateway adds to each request, so that an answer which varies by it is for one client."""
_USELESS: Final = Terms(0.0, 0.0, 0.0, 0.0, 0.0, False, frozenset())


@attrs.frozen
class Counters:
    """What is counted, by API."""

    request: Callable[[str, str], None]
    """API and result."""
    refused: Callable[[str, str], None]
    """API and reason."""
    stored: Callable[[str, int], None]
    """API and bytes."""


@attrs.frozen
class Keeper:
    """Puts answers on a shelf by the rules of an operator."""

    rules: Rules
    shelf: Shelf
    marks: Marks
    context: Context
    clock: Clock
    count: Counters
    condition: Expression | None
    max_object: int

    async def consider(
        self, exchange: Exchange, lookup: Lookup, response: Response, sent: Headers, asked: float, flight: Flight | None
    ) -> Response:
        """Hand an answer on, and keep it if it may be kept, once it is whole. ``sent`` are the headers that the backend
        got."""
        tags = take_tags(response.headers)
        if exchange.request.method != "GET":
            await self._compare(lookup, response, asked)
            return response
        terms = self._judge(exchange, lookup, response, sent, asked, tags)
        if isinstance(terms, Refused):
            self.count.refused(exchange.api.name, terms.reason)
            if flight is not None:
                flight.land(Landing.NOT_KEPT)
            return response
        kept = Response(response.status, response.headers.copy(), reason=response.reason)
        agreed = terms

        def finish(outcome: bytes | Landing) -> None:
            if isinstance(outcome, bytes):
                self._keep(lookup, self._entry(lookup, kept, outcome, agreed, tags or ()), flight)
            elif flight is not None:
                flight.land(outcome)

        data = response.body.data
        if data is None:
            response.body = recorded(response.body, self.max_object, finish)
        else:
            finish(data)
        return response

    def _judge(
        self,
        exchange: Exchange,
        lookup: Lookup,
        response: Response,
        sent: Headers,
        asked: float,
        tags: tuple[str, ...] | None,
    ) -> Terms | Refused:
        """The terms on which an answer of the backend is kept."""
        if lookup.wish.no_store:
            return Refused("no-store")
        if tags is None:
            return Refused("too many tags")
        length = response.body.length
        if length is not None and length > self.max_object:
            return Refused("too large")
        if not asks_for(lookup.key, exchange):
            return Refused("rewritten")  # by what, and whether for everybody, later look-ups do not see
        names = names_of(response.headers)
        if names is None or not _ADDED_BEHIND.isdisjoint(names):
            return Refused("vary")
        if select(names, lookup.headers) != select(names, sent):
            return Refused("vary on what was changed")  # later look-ups do not see what the backend saw
        if self.condition is not None:
            exchange.response = response
            try:
                if self.condition.evaluate(exchange) is not True:
                    return Refused("condition")
            except EvaluationError:
                return Refused("condition failed")
        now = self._dated(response.headers)
        return self.rules.judge(response.status, response.headers, lookup.held, asked, now)

    def _dated(self, headers: Headers) -> float:
        """The time, which becomes the date of an answer that has none (RFC 9110, section 6.6.1)."""
        now = self.clock.now()
        if headers.first(b"date") is None:
            headers.set("Date", http_date(now))
        return now

    def validated(self, lookup: Lookup, entry: Entry, response: Response, asked: float) -> Entry | None:
        """The entry as a 304 leaves it; None where that speaks of another representation (RFC 9111, section 4.3.4)."""
        tag = response.headers.first(b"etag")
        if tag is not None and tag != entry.headers.first(b"etag"):
            return None
        take_tags(response.headers)
        now = self._dated(response.headers)
        headers = freshened(entry, response.headers)
        terms = self.rules.judge(entry.status, headers, lookup.held, asked, now)
        return self._entry(
            lookup,
            Response(entry.status, headers, reason=entry.reason),
            entry.body,
            attrs.evolve(_USELESS, born=now) if isinstance(terms, Refused) else terms,
            entry.tags,
        )

    async def put_back(self, lookup: Lookup, entry: Entry, flight: Flight | None) -> None:
        """Put an entry that was validated in the place of what was found, if it may be kept still."""
        if entry.kept_until > self.clock.now():
            self._keep(lookup, entry, flight)
            return
        if lookup.entry is not None:
            await done(self.shelf.drop(lookup, lookup.entry))
        if flight is not None:
            flight.land(Landing.NOT_KEPT)

    async def _compare(self, lookup: Lookup, response: Response, asked: float) -> None:
        """Update the stored answer by one to HEAD, or forget it where they differ (RFC 9111, section 4.3.5)."""
        entry = lookup.entry
        if entry is None:
            return
        stored, came = entry.headers.first, response.headers.first
        same = response.status == entry.status and all(
            came(name) in (None, stored(name)) for name in (b"etag", b"last-modified", b"content-length")
        )
        headers = freshened(entry, response.headers)
        terms = self.rules.judge(entry.status, headers, lookup.held, asked, self._dated(headers))
        if same and isinstance(terms, Terms):
            updated = Response(entry.status, headers, reason=entry.reason)
            self._keep(lookup, self._entry(lookup, updated, entry.body, terms, entry.tags), None)
        else:
            await done(self.shelf.drop(lookup, entry))

    def _entry(self, lookup: Lookup, response: Response, body: bytes, terms: Terms, tags: tuple[str, ...]) -> Entry:
        headers = response.headers
        for name in terms.without:
            headers.discard(name)
        return Entry(
            response.status,
            response.reason,
            headers,
            body,
            selecting=select(names_of(headers) or (), lookup.headers),
            born=terms.born,
            fresh_until=terms.fresh_until,
            stale_while_until=terms.stale_while_until,
            stale_if_until=terms.stale_if_until,
            kept_until=terms.kept_until,
            stale_allowed=terms.stale_allowed,
            tags=tags,
            marks=self.marks.of(subjects_of(lookup.api, lookup.url, tags)),
        )

    def _keep(self, lookup: Lookup, entry: Entry, flight: Flight | None) -> None:
        """Keep an entry, unless something was purged while it was asked for; in a store, in the background."""
        if self.marks.version != lookup.marks:
            self._kept(lookup, entry, flight, False)
        elif isinstance(self.shelf, MemoryShelf):
            self._kept(lookup, entry, flight, self.shelf.keep(lookup, entry))
        else:
            if flight is not None:
                flight.keeping = True
            self.context.spawn(self._keep_later(self.shelf, lookup, entry, flight), "keep")

    async def _keep_later(self, shelf: StoreShelf, lookup: Lookup, entry: Entry, flight: Flight | None) -> None:
        kept = False
        try:
            kept = await shelf.keep(lookup, entry)
        finally:
            self._kept(lookup, entry, flight, kept)

    def _kept(self, lookup: Lookup, entry: Entry, flight: Flight | None, kept: bool) -> None:
        if kept:
            self.count.stored(lookup.api.name, entry.size)
        if flight is not None:
            flight.land(Landing.KEPT if kept else Landing.NOT_KEPT)


async def done(pending: Any) -> Any:
    """What a shelf answers, at once or later."""
    return await pending if inspect.isawaitable(pending) else pending
