"""What an operator writes under the key manager ``resident``, beside the plainest options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from apim_sdk import Duration, Secret

from apim_keymanagers.resident.clients import AUTH_METHODS, Client, ClientSecret, TokenFormat
from apim_keymanagers.resident.credentials import digest
from apim_keymanagers.resident.redirects import redirect_problem
from apim_keymanagers.resident.users import User

__all__ = [
    "GRANTS",
    "ClientSettings",
    "Grant",
    "Lifetimes",
    "RegistrationSettings",
    "ScopeSettings",
    "TrustedIssuer",
    "UserSettings",
]

Grant = Literal[
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "password",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]
GRANTS: tuple[Grant, ...] = (
    "authorization_code",
    "client_credentials",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
)
"""Grants that are on; ``password`` is not one of them (RFC 9700, section 2.4)."""

AuthMethod = Literal[
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
]


@attrs.frozen
class Lifetimes:
    """How long what the server hands out is good."""

    access_token: Duration = Duration("1h")
    """An access token."""
    refresh_token: Duration = Duration("1d")
    """A refresh token that is not used; each use gives a new one."""
    id_token: Duration = Duration("1h")
    """An ID token."""
    code: Duration = Duration("60s")
    """An authorization code."""
    device_code: Duration = Duration("10m")
    """A device code, which a user has to confirm by then."""
    pushed_request: Duration = Duration("90s")
    """An authorization request that a client has pushed."""
    session: Duration = Duration("8h")
    """A login of a user in a browser."""


@attrs.frozen
class UserSettings:
    """A user who may log in."""

    password: Secret | None = None
    """Hash of the password, `$argon2id$...`, as `python -m apim_keymanagers.resident.passwords` makes it."""
    roles: tuple[str, ...] = ()
    """Roles, which scopes may require."""
    claims: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    """More claims about the user, such as `email` and `name`, for the ID token and `/userinfo`."""

    def __attrs_post_init__(self) -> None:
        if self.password is not None and not self.password.reveal().startswith("$argon2id$"):
            raise ValueError("a password is written as its hash: `python -m apim_keymanagers.resident.passwords`")

    def user(self, name: str) -> User:
        """The user of that name."""
        password = None if self.password is None else self.password.reveal()
        return User(name, password, frozenset(self.roles), self.claims)


@attrs.frozen
class ClientSettings:
    """A client that is there from the start."""

    secret: Secret | None = None
    """Its secret; none for a public client, or one that signs assertions or has a certificate."""
    name: str = ""
    """Its name, for people."""
    grant_types: tuple[Grant, ...] = ("client_credentials",)
    """Grants that it may use."""
    redirect_uris: tuple[str, ...] = ()
    """Where a browser may be sent back to, exactly; the port of a loopback address may be another."""
    scopes: tuple[str, ...] = ()
    """Scopes that it may ask for; all that are known if there are none."""
    audience: tuple[str, ...] = ()
    """Values of `aud` in its access tokens, in the place of the server's."""
    token_endpoint_auth_method: AuthMethod | None = None
    """How it says who it is; without it by its secret, and as a public client if it has none."""
    keys: tuple[Mapping[str, Any], ...] = attrs.field(default=(), hash=False)
    """Public keys (JSON Web Keys) by which it signs its assertions, for `private_key_jwt`."""
    certificate: str | None = None
    """Subject of its certificate (RFC 4514), for `tls_client_auth`; the SHA-256 thumbprint in base64url for
    `self_signed_tls_client_auth`."""
    require_pkce: bool = True
    """Whether its authorization requests need a code challenge; a public client's always do."""
    trusted: bool = False
    """Whether users are not asked for their consent, as for an application of the operator's own."""
    introspects: bool = False
    """Whether it may ask about tokens of other clients, as a resource server does."""
    dpop_bound_access_tokens: bool = False
    """Whether its tokens are bound to a key of its own (RFC 9449)."""
    tls_client_certificate_bound_access_tokens: bool = False
    """Whether its tokens are bound to the certificate of its connection (RFC 8705)."""
    token_format: TokenFormat | None = None
    """Format of its access tokens, in the place of the server's."""
    key_type: Literal["PRODUCTION", "SANDBOX"] | None = None
    """For which world its tokens are: the claim `keytype`."""

    def __attrs_post_init__(self) -> None:
        for uri in self.redirect_uris:
            if problem := redirect_problem(uri):
                raise ValueError(f"{uri!r} cannot be a redirect URI: {problem}")
        needs_secret = (self.token_endpoint_auth_method or "client_secret_basic").startswith("client_secret")
        if self.token_endpoint_auth_method and needs_secret and self.secret is None:
            raise ValueError(f"{self.token_endpoint_auth_method} needs a `secret`")

    def client(self, client_id: str) -> Client:
        """The client of that id."""
        method = self.token_endpoint_auth_method or ("none" if self.secret is None else AUTH_METHODS[0])
        return Client(
            client_id,
            self.name or client_id,
            () if self.secret is None else (ClientSecret(digest(self.secret.reveal())),),
            method,
            self.grant_types,
            self.redirect_uris,
            self.scopes,
            self.audience,
            self.keys,
            self.certificate,
            require_pkce=self.require_pkce or method == "none",
            trusted=self.trusted,
            introspects=self.introspects,
            dpop=self.dpop_bound_access_tokens,
            certificate_bound=self.tls_client_certificate_bound_access_tokens,
            token_format=self.token_format,
            key_type=self.key_type,
        )


@attrs.frozen
class ScopeSettings:
    """A scope that clients may ask for."""

    description: str = ""
    """What it permits, as users are asked."""
    roles: tuple[str, ...] = ()
    """Roles of which a user needs one to be given it; everybody is if there are none."""


@attrs.frozen
class TrustedIssuer:
    """A key manager whose tokens may be exchanged."""

    audience: tuple[str, ...] = ()
    """Values of `aud` of which its token must name one; without any, our issuer or token endpoint."""
    same_users: bool = False
    """Whether its subjects are the users of the same name here, and have their roles. Without it, a subject that has
    the name of a user here is refused."""
    prefix: str = ""
    """What stands in front of its subjects in our tokens, such as `corp:`, so that two issuers never mean one subject.
    Needed where several are trusted, unless they have the `same_users`."""
    max_age: Duration | None = None
    """How long ago its token may have been issued; without it, until it expires."""

    def __attrs_post_init__(self) -> None:
        if self.prefix and self.same_users:
            raise ValueError("`same_users` have their own names: leave out the `prefix`")


@attrs.frozen
class RegistrationSettings:
    """Who may register clients over HTTP."""

    initial_access_token: Secret | None = None
    """A token that lets its bearer register (RFC 7591, section 3)."""
    roles: tuple[str, ...] = ()
    """Roles that let a user register, by name and password."""
    open: bool = False
    """Whether everybody may register."""
    open_per_hour: int = attrs.field(default=20, validator=attrs.validators.ge(1))
    """How many clients one address may register in an hour where everybody may, and all addresses together fifty times
    as many. Each process counts alone."""
    secret_lifetime: Duration | None = None
    """How long the secret of a registered client is good; without it, for good."""
    most_redirect_uris: int = 20
    """How many redirect URIs a client may have."""
