"""The token and revocation endpoints of an authorization server (RFC 6749, RFC 8693, RFC 7009)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_urlsafe
from typing import Any, Final

from apim_sdk import Clock, IssuedToken, KeyManagerError, Secret, Unsupported

from apim_keymanagers.answers import BadAnswer, json_object, member
from apim_keymanagers.client_authentication import Authentication
from apim_keymanagers.endpoints import Endpoints

__all__ = ["OwnToken", "issue", "issued_token", "prove_secret", "revoke"]

_LATEST: Final = 10 * 365 * 86400.0
"""The longest life of a token that is believed, in seconds."""
_EARLY: Final = 30.0
"""How many seconds before it expires a token of our own is replaced."""


async def issue(endpoints: Endpoints, parameters: Mapping[str, str], client: Authentication | None) -> IssuedToken:
    """A token by a grant. Raises KeyManagerError where the server refuses, OSError where it is away."""
    place = await endpoints.url("token_endpoint")
    answer = await endpoints.form(place, parameters, client)
    return issued_token(json_object(answer, place), parameters.get("scope", ""), place)


def issued_token(content: Mapping[str, Any], asked: str, place: str) -> IssuedToken:
    """What a token endpoint answered (RFC 6749, section 5.1): the scope that was asked for unless it says another.

    Raises BadAnswer if it makes no sense.
    """
    access_token = member(content, "access_token", str, place)
    token_type = member(content, "token_type", str, place)
    if not access_token or not token_type:
        raise BadAnswer(f"{place} answers without an access_token or its token_type")
    scope = member(content, "scope", str, place)
    refresh_token, id_token = member(content, "refresh_token", str, place), member(content, "id_token", str, place)
    return IssuedToken(
        Secret(access_token),
        token_type,
        _seconds(content.get("expires_in"), place),
        frozenset((asked if scope is None else scope).split()),
        Secret(refresh_token) if refresh_token else None,
        Secret(id_token) if id_token else None,
    )


async def revoke(endpoints: Endpoints, token: str, client: Authentication | None) -> None:
    """Have a token revoked. A token that the server does not know is as good as revoked (RFC 7009, section 2.2)."""
    place = await endpoints.url("revocation_endpoint")
    answer = await endpoints.form(place, {"token": token}, client)
    if answer.status not in (200, 204):
        json_object(answer, place)
        raise BadAnswer(f"{place} answers {answer.status}")


async def prove_secret(endpoints: Endpoints, client_id: str, secret: Secret) -> str:
    """By which method the server takes the client's secret. Raises KeyManagerError if it does not take it at all.

    The client asks for a token by its credentials: it gets one, which is thrown away, or the server knows it but does
    not let it (``unauthorized_client``: RFC 6749, section 5.2). Where the server refuses for another reason, whether it
    took the secret is seen by revoking a made-up token (RFC 7009, section 2.1).
    """
    supported = (await endpoints.metadata()).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    methods = [method for method in ("client_secret_basic", "client_secret_post") if method in supported]
    refusal: KeyManagerError = Unsupported(f"{endpoints.issuer} takes no client secrets")
    for method in methods:
        client = Authentication(client_id, method, secret)
        try:
            await issue(endpoints, {"grant_type": "client_credentials"}, client)
        except KeyManagerError as error:
            known = error.error == "unauthorized_client"
            if known or (error.error != "invalid_client" and await _may_revoke(endpoints, client)):
                return method
            refusal = error
        else:
            return method
    raise refusal


async def _may_revoke(endpoints: Endpoints, client: Authentication) -> bool:
    """Whether the server lets the client revoke, and does not let one with another secret."""
    for secret, let in ((client.secret, True), (Secret(token_urlsafe(32)), False)):
        try:
            await revoke(endpoints, token_urlsafe(32), Authentication(client.id, client.method, secret))
        except KeyManagerError:
            if let:
                return False
        else:
            if not let:
                return False
    return True


class OwnToken:
    """An access token of the gateway's own, for the server's interfaces; replaced before it expires."""

    def __init__(self, obtain: Callable[[], Awaitable[IssuedToken]], clock: Clock) -> None:
        self._obtain = obtain
        self._now = clock.monotonic
        self._lock = asyncio.Lock()
        self._token: Secret | None = None
        self._until = 0.0

    async def value(self) -> str:
        """The token. Raises what ``issue`` raises."""
        async with self._lock:
            if self._token is None or self._now() >= self._until:
                issued = await self._obtain()
                self._token = issued.access_token
                self._until = self._now() + max(0.0, (issued.expires_in or 0.0) - _EARLY)
            return self._token.reveal()

    def forget(self) -> None:
        """Obtain a new one next time: the server no longer takes this one."""
        self._token = None


def _seconds(value: Any, place: str) -> float | None:
    """A life time; some servers write the number as text."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise BadAnswer(f"{place} answers an expires_in that is no number of seconds")
    return float(value)
