"""Key managers: connectors to the authorization servers that the gateway trusts."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import attrs

from apim_sdk.fields import Secret
from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = [
    "ClientField",
    "ClientRegistration",
    "IssuedToken",
    "KeyManager",
    "KeyManagerError",
    "RegisteredClient",
    "Unsupported",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class KeyManagerError(Exception):
    """An authorization server refused: its error code (RFC 6749, section 5.2; RFC 7591, section 3.2.2), its words."""

    def __init__(self, error: str, description: str = "", *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        self.status = status


class Unsupported(KeyManagerError):
    """The authorization server, or its connector, cannot do this at all."""

    def __init__(self, what: str) -> None:
        super().__init__("unsupported", what, status=501)


@attrs.frozen
class ClientField:
    """One setting of a client at its authorization server, as a form shows it."""

    name: str
    label: str
    description: str = ""
    type: Literal["text", "secret", "number", "boolean", "choice", "choices", "list"] = "text"
    default: Any = None
    required: bool = False
    values: tuple[str, ...] = ()
    """What may be chosen, for ``choice`` and ``choices``."""


@attrs.frozen
class ClientRegistration:
    """A client to be registered (RFC 7591, section 2)."""

    name: str
    grant_types: tuple[str, ...] = ("client_credentials",)
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105  # a method's name
    owner: str | None = None
    """Who answers for the client."""
    properties: Mapping[str, Any] = _NOTHING
    """More settings, by the names of the connector's ``client_fields``."""


@attrs.frozen
class RegisteredClient:
    """A client as its authorization server has it."""

    client_id: str
    client_secret: Secret | None = None
    registration: ClientRegistration = ClientRegistration("")
    secret_expires: float | None = None
    """Seconds since the epoch; None if the secret does not expire."""
    management: Mapping[str, str] = attrs.field(default=_NOTHING, repr=False)
    """What later changes need (RFC 7592: ``registration_client_uri``, ``registration_access_token``); a secret."""


@attrs.frozen
class IssuedToken:
    """An answer of a token endpoint (RFC 6749, section 5.1)."""

    access_token: Secret
    token_type: str = "Bearer"  # noqa: S105  # a kind
    expires_in: float | None = None
    """Seconds."""
    scopes: frozenset[str] = frozenset()
    refresh_token: Secret | None = None
    id_token: Secret | None = None


class KeyManager(Plugin):
    """An authorization server that we trust.

    What every connector must give is what verifying its tokens needs: ``issuer``, ``keys`` and ``generation``. The rest
    is what its server can do beyond that; a method that is not defined raises Unsupported. All that talk to the server
    raise OSError where it is away, and KeyManagerError where it refuses.

    Keys are JSON Web Keys (RFC 7517) as plain mappings. Two key managers of the same settings are equal, and hash so,
    as ``attrs.frozen`` has it: what was verified by one is then good for the other, over a reload.
    """

    kind: ClassVar[str] = "key manager"
    client_id_claim: ClassVar[str | None] = None
    """Claim of its tokens that names the client; None for ``azp``, else ``client_id``."""
    scope_claim: ClassVar[str] = "scope"
    """Claim of its tokens that holds the scopes."""
    client_fields: ClassVar[tuple[ClientField, ...]] = ()
    """Settings of a client beyond those that every ClientRegistration has."""

    @property
    def issuer(self) -> str | None:
        """The ``iss`` that its tokens carry (RFC 8414, section 2); None if ``issues`` knows more than one."""
        raise NotImplementedError(f"{type(self).__name__} must define issuer")

    def issues(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token of these claims, not verified yet, says that it is by this issuer. No I/O."""
        return self.issuer is not None and claims.get("iss") == self.issuer

    @property
    def generation(self) -> int:
        """Counts up whenever a key leaves the set, so that what was verified by it is forgotten."""
        raise NotImplementedError(f"{type(self).__name__} must define generation")

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...] | Awaitable[tuple[Mapping[str, Any], ...]]:
        """The public keys that a token with this ``kid`` may be signed by.

        Answers at once from what it holds; an awaitable when it has to ask, within its bounds, for a ``kid`` that it
        does not know. Raises OSError where that cannot be told now: what the token says is then not known to be wrong.
        """
        raise NotImplementedError(f"{type(self).__name__} must define keys()")

    def claims(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims of a verified token under the names that are used here; no I/O."""
        return claims

    async def metadata(self) -> Mapping[str, Any]:
        """What the server says of itself (RFC 8414, section 2)."""
        raise Unsupported(f"{type(self).__name__} has no metadata")

    async def introspect(self, token: str) -> Mapping[str, Any]:
        """What the server says of a token: its claims, with ``active`` (RFC 7662, section 2.2)."""
        raise Unsupported(f"{type(self).__name__} introspects no tokens")

    async def userinfo(self, token: str) -> Mapping[str, Any]:
        """What the server says of the subject of an access token: OpenID Connect's claims (Core 1.0, section 5.1)."""
        raise Unsupported(f"{type(self).__name__} tells nothing of users")

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        """A token from the token endpoint by a grant, ``parameters`` as in its form (RFC 6749, RFC 8693).

        ``client`` is who asks; the connector itself where it is None.
        """
        raise Unsupported(f"{type(self).__name__} issues no tokens")

    async def revoke(self, token: str, client: RegisteredClient | None = None) -> None:
        """Have a token of the client revoked (RFC 7009)."""
        raise Unsupported(f"{type(self).__name__} revokes no tokens")

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        """Register a client (RFC 7591)."""
        raise Unsupported(f"{type(self).__name__} registers no clients")

    async def adopt(self, client_id: str, client_secret: Secret | None = None) -> RegisteredClient:
        """Take over a client that was registered elsewhere; a secret must be the one that the server knows."""
        raise Unsupported(f"{type(self).__name__} takes over no clients")

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        """The client as the server has it now (RFC 7592, section 2.1). Raises LookupError if it is gone."""
        raise Unsupported(f"{type(self).__name__} shows no clients")

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        """Change a client (RFC 7592, section 2.2)."""
        raise Unsupported(f"{type(self).__name__} changes no clients")

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        """Give a client a new secret."""
        raise Unsupported(f"{type(self).__name__} renews no secrets")

    async def delete(self, client: RegisteredClient) -> None:
        """Remove a client (RFC 7592, section 2.3)."""
        raise Unsupported(f"{type(self).__name__} removes no clients")

    async def put_scopes(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        """Make scopes known to the server, each with the roles that may have it (none: everybody)."""
        raise Unsupported(f"{type(self).__name__} keeps no scopes")

    @hookimpl
    @classmethod
    def apim_register_key_manager(cls) -> type[KeyManager]:
        """Register the class itself."""
        return cls
