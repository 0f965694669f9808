"""Ask a server over HTTP whether a call is allowed, and remember what it said for a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, Literal

import attrs
from apim_sdk import Context, Duration, ErrorKind, Policy, Reject, Secret, errors, state
from apim_sdk.upstream import UpstreamTLS
from cachetools import TTLCache

__all__ = ["Asking", "Decision", "InvalidDecision"]

_MOST_WORDS: Final = 200
_TOLD_EVERY: Final = 60.0
"""Seconds between two log lines that say the same."""


class InvalidDecision(ValueError):
    """An answer that is no decision; the text says in what."""


@attrs.frozen
class Decision:
    """Whether a call is allowed."""

    allowed: bool
    message: str | None = None
    """What a client that is refused is told."""
    headers: tuple[tuple[str, str], ...] = ()
    """Fields that the endpoint gets to see."""
    detail: str | None = None
    """For the operator."""


class _Told:
    """When the log was last told that calls are let in without a decision; so that it is not told of every call."""

    def __init__(self) -> None:
        self._again = float("-inf")

    def is_news(self, now: float) -> bool:
        """Whether to tell it now."""
        if now < self._again:
            return False
        self._again = now + _TOLD_EVERY
        return True


class _Unanswered(Exception):
    """No decision came: the kind of error, and why, for the operator."""

    def __init__(self, kind: ErrorKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def _url(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.startswith(("https://", "http://")) or "?" in value or "#" in value:
        raise ValueError(f"{value!r} is no URL of a server: write http://host:port")


@attrs.frozen(kw_only=True)
class Asking(Policy):
    """A policy that has a server decide. A subclass says where and what to ask, and what the answer means."""

    url: str = attrs.field(validator=_url)
    """Where the server is: `http://127.0.0.1:8181`."""
    token: Secret | None = None
    """Token by which the gateway proves who it is to the server, as a bearer."""
    tls: UpstreamTLS = UpstreamTLS()
    """How the server's certificate is checked, and the certificate that the gateway shows."""
    timeout: Duration = Duration("1s")
    """How long an answer is waited for."""
    on_error: Literal["closed", "open"] = "closed"
    """What happens where the server does not answer, or not as it should: the call is refused (500), or let in."""
    cache: Duration = Duration(0)
    """For how long an answer holds for calls of which the same is asked; 0, the default, to ask each time."""
    cache_entries: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """How many answers are remembered."""
    _context: Context = state()
    _known: TTLCache[bytes, Decision] | None = state()
    _count_failure: Callable[[], None] = state()
    _told: _Told = state()

    async def start(self, context: Context) -> None:
        known: TTLCache[bytes, Decision] | None = None
        if self.cache:
            entries, seconds, timer = self.cache_entries, float(self.cache), context.clock.monotonic
            known = await context.shared(
                ("decisions", context.place, self._identity()), lambda: TTLCache(entries, seconds, timer)
            )
        count = context.metrics.counter(
            "apim_authorization_failures_total", "Calls on which a policy server gave no decision", ("place",)
        )
        self.hold(_context=context, _known=known, _count_failure=lambda: count(context.place), _told=_Told())

    async def ask(self, place: str, question: Mapping[str, Any], read: Callable[[Any], Decision]) -> Decision:
        """What the server says to the question, posted to ``place``. Raises Reject where it does not say.

        ``read`` makes a decision of the JSON that it answers, or raises InvalidDecision.
        """
        # In ASCII: half a surrogate pair stays an escape, which a server reads, where in UTF-8 it would be an error.
        body = json.dumps(question, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        known = self._known
        key = b"" if known is None else blake2b(body, digest_size=32).digest()
        if known is not None and (found := known.get(key)) is not None:
            return found
        try:
            decision = await self._decision(place, body, read)
        except _Unanswered as error:
            self._count_failure()
            if self.on_error == "open":
                if self._told.is_news(self._context.clock.monotonic()):
                    self._context.log.warning("Calls are let in without a decision", reason=str(error))
                return Decision(True)
            raise Reject(error.kind, detail=str(error)) from error
        if known is not None:
            known[key] = decision
        return decision

    async def _decision(self, place: str, body: bytes, read: Callable[[Any], Decision]) -> Decision:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.reveal()}"
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._context.fetch(place, method="POST", headers=headers, body=body, tls=self.tls)
        except TimeoutError:
            reason = f"{place} did not answer within {self.timeout}"
            raise _Unanswered(errors.AUTHORIZATION_FAILURE, reason) from None
        except OSError as error:
            raise _Unanswered(errors.AUTHORIZATION_FAILURE, str(error)) from error
        if answer.status != 200:
            said = answer.body[:_MOST_WORDS].decode("utf-8", "replace")
            raise _Unanswered(errors.AUTHORIZATION_FAILURE, f"{place} answers {answer.status}: {said}")
        try:
            return read(json.loads(answer.body))
        except (ValueError, RecursionError) as error:
            reason = f"{place} answers what is no decision: {error}"
            raise _Unanswered(errors.AUTHORIZATION_ANSWER_INVALID, reason) from error

    def _identity(self) -> tuple[Any, ...]:
        """What must be the same for an answer to be the same, beside the question."""
        return (type(self).__name__, self)
