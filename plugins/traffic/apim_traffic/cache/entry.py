"""An answer that is kept."""

from __future__ import annotations

from functools import lru_cache

from apim_sdk import Body, HeaderField, Headers, PreparedHeaders, Response

from apim_traffic.cache.varying import Selecting

__all__ = ["Entry"]

_OVERHEAD = 1200
"""About how many bytes an entry takes besides those of its body and fields."""
_FIELD_OVERHEAD = 250


class Entry:
    """An answer with what is needed to use it again. Never changed once it is kept, but for ``checked`` and the
    fields as they go out in this second.

    ``headers`` are as they go out, with a place for Age. Times are seconds since the epoch: ``fresh_until``; the ends
    of the time in which it may be used while it is validated (``stale_while_until``) or where the backend fails
    (``stale_if_until``); and ``kept_until``, after which it is of no use. ``born`` is when the origin made it, as
    far as its age tells. ``marks`` are those of its subjects when it was asked for; ``checked`` is the version of the
    marks by which it was last found good.
    """

    __slots__ = (
        "_age",
        "_given",
        "body",
        "born",
        "checked",
        "fresh_until",
        "headers",
        "kept_until",
        "marks",
        "reason",
        "selecting",
        "size",
        "stale_allowed",
        "stale_if_until",
        "stale_while_until",
        "status",
        "tags",
    )

    def __init__(
        self,
        status: int,
        reason: str | None,
        headers: Headers,
        body: bytes,
        *,
        selecting: Selecting,
        born: float,
        fresh_until: float,
        stale_while_until: float,
        stale_if_until: float,
        kept_until: float,
        stale_allowed: bool,
        tags: tuple[str, ...],
        marks: tuple[tuple[str, str], ...],
    ) -> None:
        headers.put(age_field(0))
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
        self.selecting = selecting
        self.born = born
        self.fresh_until = fresh_until
        self.stale_while_until = stale_while_until
        self.stale_if_until = stale_if_until
        self.kept_until = kept_until
        self.stale_allowed = stale_allowed
        self.tags = tags
        self.marks = marks
        self.checked = -1
        self._age: int | None = None
        self._given: PreparedHeaders
        pairs = list(headers.raw())
        fields = sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in pairs)
        self.size = len(body) + fields + sum(map(len, tags)) + _OVERHEAD

    def age(self, now: float) -> float:
        """Seconds since the origin made or validated it (RFC 9111, section 4.2.3)."""
        return now - self.born

    def fields(self, now: float) -> Headers:
        """Its header fields, for an answer that is given now; they belong to the caller."""
        age = int(now - self.born)
        if age != self._age:
            given = self._given = PreparedHeaders.of(self.headers)
            given.put(age_field(age))
            self._age = age
        return self._given.share()

    def answer(self, now: float) -> Response:
        """The whole answer, as it is given now."""
        return Response.arrived(self.status, self.fields(now), Body.arrived(self.body), self.reason)

    @property
    def validators(self) -> tuple[tuple[str, bytes], ...]:
        """The request fields that ask the backend whether it is still good; none if nothing tells (section 4.3.1)."""
        first = self.headers.first
        etag, modified = first(b"etag"), first(b"last-modified")
        pairs = (("If-None-Match", etag), ("If-Modified-Since", modified))
        return tuple([(name, value) for name, value in pairs if value is not None])


@lru_cache(maxsize=4096)
def age_field(seconds: int) -> HeaderField:
    """The Age field (RFC 9111, section 5.1)."""
    return HeaderField("Age", str(max(seconds, 0)))
