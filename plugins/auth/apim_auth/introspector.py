"""Ask an authorization server of tokens (RFC 7662), as seldom as possible.

Of all requests with one new token only the first asks; the others wait for its answer. That a token is active is
remembered with the verified tokens, that it is refused for some seconds here, so that a client that goes on with a dead
token is no load on the server.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from apim_sdk import Context, KeyManager, KeyManagerError, Reject, errors

from apim_auth.acceptance import INVALID_TOKEN, Acceptance, invalid, unknowable
from apim_auth.claims import InvalidClaims, other_kind_of
from apim_auth.verified import Verified, VerifiedTokens

if TYPE_CHECKING:
    from apim_auth.oauth2 import OAuth2

__all__ = ["Introspector"]

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token is made of (RFC 6750, section 2.1)."""
_MOST_ASKED: Final = 1_000
"""Of how many tokens the server is asked at once."""
_MOST_REFUSED: Final = 10_000
"""How many tokens that were refused are remembered."""
_NEVER: Final[tuple[float, None]] = (0.0, None)
_RETRY: Final = 1.0
"""For how many seconds a server that was away is not asked again of a token that is usable without it."""


class Introspector:
    """Verifies tokens by what their server says of them. Belongs to one event loop."""

    def __init__(
        self, settings: OAuth2, name: str | None, manager: KeyManager, known: VerifiedTokens, context: Context
    ) -> None:
        self._settings = settings
        self._name = name
        self._manager = manager
        self._known = known
        self._acceptance = Acceptance(settings, context.revocations, context.clock.now)
        self._now = context.clock.now
        self._asked: dict[str, asyncio.Task[Verified | Reject]] = {}
        self._refused: OrderedDict[bytes, tuple[float, Reject]] = OrderedDict()
        self._away_until = 0.0
        named = settings.client_id_claim
        self._client_id_claims = ("client_id", manager.client_id_claim or "azp") if named is None else (named,)

    def verify(self, token: str) -> Verified | Awaitable[Verified]:
        """Ask of a token that is not known; an awaitable of what is then known of it. Raises Reject."""
        if len(token) > self._settings.max_size:
            raise invalid(f"the token is longer than {self._settings.max_size}")
        if _TOKEN.fullmatch(token) is None:
            raise invalid("what is presented is no token")
        until, refusal = self._refused.get(_digest(token), _NEVER)
        if refusal is not None and self._now() < until:
            raise _again(refusal)
        if self._now() < self._away_until and (usable := self._known.usable(token)) is not None:
            return usable
        task = self._asked.get(token)
        if task is None:
            if len(self._asked) >= _MOST_ASKED:
                raise unknowable("the authorization server is being asked of too many tokens at once")
            task = self._asked[token] = asyncio.get_running_loop().create_task(self._ask(token))
            task.add_done_callback(lambda _: self._asked.pop(token, None))
        return self._answer(task)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _answer(task: asyncio.Task[Verified | Reject]) -> Verified:
        """What the task found out; a client that goes away leaves it to the others."""
        outcome = await asyncio.shield(task)
        if isinstance(outcome, Reject):
            raise _again(outcome)
        return outcome

    async def _ask(self, token: str) -> Verified | Reject:
        generation = self._manager.generation
        try:
            answer = await self._manager.introspect(token)
        except (OSError, KeyManagerError) as error:
            self._away_until = self._now() + _RETRY
            usable = self._known.usable(token)
            return usable or unknowable(f"the authorization server cannot say whether the token is active: {error}")
        try:
            verified = self._accept(token, answer, generation)
        except InvalidClaims as error:
            return self._refuse(token, invalid(error))
        except Reject as refusal:
            return self._refuse(token, refusal)
        if verified.until > self._now():
            self._known.put(token, verified)
        return verified

    def _accept(self, token: str, answer: Mapping[str, Any], generation: int) -> Verified:
        if answer.get("active") is not True:
            raise InvalidClaims("the token is not active")
        content = {name: value for name, value in answer.items() if name != "active"}
        if "iss" in content and not self._manager.issues(content):
            raise InvalidClaims("the token is by another issuer")
        kind = other_kind_of(content)
        if kind is not None:
            raise Reject(
                errors.INCORRECT_TOKEN_TYPE, headers=INVALID_TOKEN, detail=f"the server calls the token {kind!r}"
            )
        until = self._now() + self._settings.cache
        return self._acceptance.of(
            token,
            content,
            self._name,
            self._manager,
            generation=generation,
            client_id_claims=self._client_id_claims,
            until=until,
            usable_until=until + self._settings.stale_if_error,
        )

    def _refuse(self, token: str, refusal: Reject) -> Reject:
        """The refusal, which is remembered for a while; the oldest leave for it. What was known before is no longer so,
        should the server be away later."""
        self._known.forget(token)
        digest = _digest(token)
        self._refused.pop(digest, None)
        self._refused[digest] = (self._now() + self._settings.cache_inactive, _again(refusal))
        if len(self._refused) > _MOST_REFUSED:
            self._refused.popitem(last=False)
        return refusal


def _again(refusal: Reject) -> Reject:
    """The same refusal, to be raised once more: one that was raised holds the exchange that it was raised in."""
    return Reject(refusal.kind, refusal.description, headers=refusal.headers, detail=refusal.detail)


def _digest(token: str) -> bytes:
    """What a token is known by without being kept: strangers choose how long it is."""
    return sha256(token.encode()).digest()
