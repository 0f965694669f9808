"""Several credentials at once: a plan that wants, say, a client certificate and a token of the same application."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from time import time
from types import MappingProxyType
from typing import Any, Protocol, cast

import attrs
from apim_sdk import errors
from apim_sdk.authenticator import Authenticator
from apim_sdk.errors import Reject
from apim_sdk.exchange import Exchange
from apim_sdk.fields import Secret
from apim_sdk.identity import Application, ApplicationKey, Credential, KeyType, Principal

__all__ = ["AllOf", "challenges_of", "missing_challenges"]


class _Finder(Protocol):
    def find(self, kind: str, value: str, key_manager: str | None = None) -> ApplicationKey | None: ...


@attrs.frozen
class _Found(Credential):
    """The credentials of all members, in their order."""

    parts: tuple[Credential, ...] = ()


class AllOf(Authenticator):
    """Lets in who presents a good credential of every member; all must be the same application's.

    The principal is that of the first member that knows a client or an application, else that of the first. Scopes,
    roles and claims are those of all, of one claim in several that of the principal.
    """

    def __init__(self, members: Sequence[Authenticator], applications: _Finder) -> None:
        self._members = tuple(members)
        self._applications = applications
        self.requires_subscription = any(each.requires_subscription for each in members)  # type: ignore[misc]
        self.challenges = tuple(dict.fromkeys(each.challenge for each in members if each.challenge))
        self.challenge = ", ".join(self.challenges) or None  # type: ignore[misc]  # a class variable of the contract

    def find(self, exchange: Exchange) -> Credential | None:
        """The credentials of all members; None unless each finds its own."""
        parts = []
        for each in self._members:
            found = each.find(exchange)
            if found is None:
                return None
            parts.append(found)
        return _Found("all", Secret(""), tuple(parts))

    def begun(self, exchange: Exchange) -> bool:
        """Whether the request carries the credential of any member."""
        return any(each.find(exchange) is not None for each in self._members)

    def missing(self, exchange: Exchange) -> tuple[str, ...]:
        """The challenges of the members whose credential the request does not carry."""
        lacking = (each.challenge for each in self._members if each.find(exchange) is None)
        return tuple(challenge for challenge in lacking if challenge)

    async def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        """See the class. Raises what a member raises, and Reject where two credentials are of two applications."""
        principals: list[Principal] = []
        for each, part in zip(self._members, cast(_Found, credential).parts, strict=True):
            judged = each.judge(part, exchange)
            principals.append(await judged if inspect.isawaitable(judged) else judged)
        callers = [self._caller(one) for one in principals]
        owners = {owner.id: owner for owner, _ in callers if owner is not None}
        key_types = {key_type for _, key_type in callers} - {None}
        if len(owners) > 1 or len(key_types) > 1:
            raise Reject(errors.INVALID_CREDENTIALS, detail="the credentials are not of one application and key type")
        first = next((one for one in principals if one.application or one.client_id), principals[0])
        claims: dict[str, Any] = {}
        for one in (*principals, first):
            claims.update(one.claims)
        return attrs.evolve(
            first,
            scopes=frozenset[str]().union(*(one.scopes for one in principals)),
            roles=frozenset[str]().union(*(one.roles for one in principals)),
            claims=MappingProxyType(claims),
            application=next(iter(owners.values()), None),
            expires=min((one.expires for one in principals if one.expires is not None), default=None),
            key_type=next(iter(key_types), None),
        )

    def conceal(self, exchange: Exchange) -> None:
        """Take every credential out of the request."""
        for each in self._members:
            each.conceal(exchange)

    def _caller(self, principal: Principal) -> tuple[Application | None, KeyType | None]:
        """Whom a principal speaks for and with which type of key, as where it came alone; a key that is over is
        nobody's."""
        if principal.application is not None or principal.client_id is None:
            return principal.application, principal.key_type
        key = self._applications.find("client_id", principal.client_id, principal.key_manager)
        if key is None or (key.expires is not None and key.expires <= time()):
            return None, principal.key_type
        return key.application, principal.key_type or key.key_type


def challenges_of(authenticator: Authenticator) -> tuple[str, ...]:
    """The challenges of an authenticator, each of one scheme (RFC 9110, section 11.6.1)."""
    if isinstance(authenticator, AllOf):
        return authenticator.challenges
    return () if authenticator.challenge is None else (authenticator.challenge,)


def missing_challenges(authenticator: Authenticator, exchange: Exchange) -> tuple[str, ...]:
    """The challenges for what a request lacks that does not carry all that the authenticator wants."""
    if isinstance(authenticator, AllOf):
        return authenticator.missing(exchange)
    return challenges_of(authenticator)
