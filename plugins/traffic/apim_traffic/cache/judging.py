"""Whether an answer may be kept, and for how long it is good (RFC 9111, sections 3 and 4.2)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, Literal

import attrs
from apim_sdk import Headers

from apim_traffic.cache.dates import parse_date
from apim_traffic.cache.directives import Directives, delta_seconds, directives_of

__all__ = ["LONGEST", "Refused", "Rules", "Terms"]

LONGEST: Final = 14 * 86400.0
"""Seconds for which an answer is fresh at most, and stale but of use."""
_UNDERSTOOD: Final = frozenset(status.value for status in HTTPStatus) - {206, 304}
_NEVER: Final = frozenset((206, 304))
"""Parts, and what is no answer by itself."""
_OF_PROXIES: Final = frozenset((b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization"))
"""Fields that are between two hops (section 3.1)."""
_WORTH_VALIDATING: Final = 3600.0
"""Seconds that an answer which is stale for good is kept at least, where the backend can be asked about it."""


@attrs.frozen
class Terms:
    """On what terms an answer is kept; times in seconds since the epoch, as ``Entry`` has them."""

    born: float
    fresh_until: float
    stale_while_until: float
    stale_if_until: float
    kept_until: float
    stale_allowed: bool
    without: frozenset[bytes]
    """Fields that are not kept."""


@attrs.frozen
class Refused:
    """Why an answer is not kept, in a word for the metrics."""

    reason: str


@attrs.frozen
class Rules:
    """What the operator says of answers; the options of the policy describe them. Lifetimes in seconds."""

    max_ttl: float
    default_ttl: float | None
    heuristic: float | None
    statuses: frozenset[int]
    stale_while_revalidate: float
    stale_if_error: float
    targeted: tuple[bytes, ...]
    set_cookie: Literal["refuse", "remove", "keep"]

    def judge(self, status: int, headers: Headers, held: bool, asked: float, now: float) -> Terms | Refused:
        """The terms for an answer that was asked for and came at these times.

        ``held`` says whether the key of the cache holds all that the call was authorised by.
        """
        said, by_target = directives_of(headers, self.targeted)
        refusal = self._refusal(status, headers, said, held)
        if refusal is not None:
            return Refused(refusal)
        date = parse_date(headers.first(b"date") or b"")
        lifetime = self._lifetime(status, headers, said, None if by_target else headers.combined(b"expires"), date, now)
        if lifetime is None:
            return Refused("no lifetime")
        lifetime = min(lifetime, self.max_ttl)
        born = now - _initial_age(headers, date, asked, now)
        strict = said.no_cache or said.must_revalidate or said.proxy_revalidate
        fresh_until = born + (0.0 if said.no_cache else lifetime)
        silent = said.s_maxage is None  # s-maxage forbids stale answers but where the backend itself allows them
        background = _window(said.stale_while_revalidate, self.stale_while_revalidate if silent else 0.0, strict)
        on_error = _window(said.stale_if_error, self.stale_if_error if silent else 0.0, strict)
        can_ask = headers.first(b"etag") is not None or headers.first(b"last-modified") is not None
        kept_until = max(fresh_until, now if can_ask else 0.0) + max(
            background, on_error, _WORTH_VALIDATING if can_ask else 0.0
        )
        if kept_until <= now:
            return Refused("stale")
        return Terms(
            born,
            fresh_until,
            fresh_until + background,
            fresh_until + on_error,
            kept_until,
            not strict and silent,
            said.fields | _OF_PROXIES | ({b"set-cookie"} if self.set_cookie == "remove" else frozenset()),
        )

    def _refusal(self, status: int, headers: Headers, said: Directives, held: bool) -> str | None:
        if status < 200 or status in _NEVER:
            return "status"
        if said.must_understand:
            if status not in _UNDERSTOOD:
                return "status"
        elif said.no_store:
            return "no-store"
        if said.private:
            return "private"
        if not (held or said.public or said.s_maxage is not None or said.must_revalidate):
            return "authorised"
        if self.set_cookie == "refuse" and headers.first(b"set-cookie") is not None:
            return "set-cookie"
        return None

    def _lifetime(
        self, status: int, headers: Headers, said: Directives, expires: bytes | None, date: float | None, now: float
    ) -> float | None:
        """Seconds for which it is fresh (section 4.2.1); None where nobody says, so that it is not kept."""
        if said.s_maxage is not None:
            return float(said.s_maxage)
        if said.max_age is not None:
            return float(said.max_age)
        if expires is not None:
            moment = parse_date(expires)
            return 0.0 if moment is None else max(0.0, moment - (now if date is None else date))
        if status in self.statuses or (self.heuristic is not None and said.public):
            modified = parse_date(headers.first(b"last-modified") or b"")
            if self.heuristic is not None and modified is not None:
                return max(0.0, ((now if date is None else date) - modified) * self.heuristic)
            if self.default_ttl is not None:
                return self.default_ttl
        return 0.0 if said.no_cache else None


def _window(said: int | None, otherwise: float, strict: bool) -> float:
    return 0.0 if strict else otherwise if said is None else min(float(said), LONGEST)


def _initial_age(headers: Headers, date: float | None, asked: float, now: float) -> float:
    """How old it was when it came (section 4.2.3)."""
    value = (headers.combined(b"age") or b"").partition(b",")[0].strip(b" \t")
    apparent = 0.0 if date is None else max(0.0, now - date)
    return max(apparent, (delta_seconds(value) or 0) + now - asked)
