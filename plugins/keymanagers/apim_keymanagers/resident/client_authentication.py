"""Which client asks, and how it shows that (RFC 6749, section 2.3; RFC 7523, section 2.2; RFC 8705, section 2)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.compact import base64url
from apim_keymanagers.resident.credentials import digest
from apim_keymanagers.resident.errors import OAuthError, invalid_client, invalid_request
from apim_keymanagers.resident.jws import InvalidAssertion, parts_of, verified_claims

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["authenticated", "basic_credentials", "identified", "thumbprint_of_certificate"]

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEEWAY: Final = 60.0
_LONGEST_ASSERTION: Final = 3600.0
_SECRET_METHODS: Final = frozenset({"client_secret_basic", "client_secret_post"})


async def authenticated(server: Server, asked: Asked) -> Client:
    """The client that asks, which has proved it. Raises OAuthError."""
    client = await identified(server, asked)
    if client.public:
        raise invalid_client("a public client may not do this")
    return client


async def identified(server: Server, asked: Asked) -> Client:
    """The client that asks: proved, or a public one by its name alone. Raises OAuthError."""
    header, secret, assertion = asked.authorization, asked.get("client_secret"), asked.get("client_assertion")
    if sum((header is not None, secret is not None, assertion is not None)) > 1:
        raise invalid_request("a client authenticates in one way only")
    if header is not None:
        return await _by_secret(server, *basic_credentials(header), challenge=True)
    if secret is not None:
        return await _by_secret(server, asked.get("client_id") or "", secret, challenge=False)
    if assertion is not None:
        return await _by_assertion(server, asked, assertion)
    client = await server.clients.find(asked.get("client_id") or "")
    if client is not None and client.public:
        return client
    if client is not None and asked.certificate is not None and _has_certificate(client, asked.certificate):
        return client
    raise invalid_client("the client must authenticate", challenge=True)


def basic_credentials(header: str) -> tuple[str, str]:
    """Name and secret; both are encoded as in a form (RFC 6749, section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    try:
        name, colon, secret = b64decode(value.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        colon = ""
    if not colon or scheme.lower() != "basic":
        raise invalid_client("the Authorization header is not as HTTP Basic has it", challenge=True)
    return unquote_plus(name), unquote_plus(secret)


async def _by_secret(server: Server, client_id: str, secret: str, *, challenge: bool) -> Client:
    client = await server.clients.find(client_id)
    candidate = client if client is not None and client.auth_method in _SECRET_METHODS else Client("")
    if not candidate.knows(secret, server.now()) or client is None:
        raise invalid_client("the client is unknown or its secret is wrong", challenge=challenge)
    return client


async def _by_assertion(server: Server, asked: Asked, assertion: str) -> Client:
    if asked.get("client_assertion_type") != _ASSERTION:
        raise invalid_request("the client_assertion_type is not known")
    try:
        _, unverified, _, _ = parts_of(assertion)
        client = await server.clients.find(str(unverified.get("sub", ""))) or Client("")
        keys = client.keys if client.auth_method == "private_key_jwt" else ()
        claims, _ = verified_claims(
            assertion, lambda key_id: tuple(key for key in keys if key.get("kid", key_id) == key_id or key_id is None)
        )
        await _check(server, client, asked, claims)
    except InvalidAssertion as error:
        raise invalid_client(f"the client assertion is not accepted: {error}") from error
    return client


async def _check(server: Server, client: Client, asked: Asked, claims: dict[str, object]) -> None:
    """RFC 7523, section 3; the audience is the server and nobody else."""
    now = server.now()
    audience, expires, token_id = claims.get("aud"), claims.get("exp"), claims.get("jti")
    if not (claims.get("iss") == claims.get("sub") == client.id) or asked.get("client_id") not in (None, client.id):
        raise InvalidAssertion("its iss and sub must be the client")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if audience not in (server.issuer, server.url("/token"), asked.url):
        raise InvalidAssertion("its aud must be the issuer")
    if not isinstance(expires, int | float) or not now - _LEEWAY < expires <= now + _LONGEST_ASSERTION:
        raise InvalidAssertion("it has expired, or is good for too long")
    not_before = claims.get("nbf", 0)
    if not isinstance(not_before, int | float) or not_before > now + _LEEWAY:
        raise InvalidAssertion("it is not good yet")
    if not isinstance(token_id, str):
        raise InvalidAssertion("it has no jti")
    left = expires - now + _LEEWAY
    if not await server.records.add("assertion", digest(f"{client.id}\0{token_id}"), {"expires": expires}, left):
        raise InvalidAssertion("it was used before")


def thumbprint_of_certificate(certificate: bytes) -> str:
    """The ``x5t#S256`` of a certificate in DER (RFC 8705, section 3.1)."""
    return base64url(sha256(certificate).digest()).decode("ascii")


def _has_certificate(client: Client, certificate: bytes) -> bool:
    from cryptography import x509

    if client.certificate is None:
        return False
    if client.auth_method == "self_signed_tls_client_auth":
        return thumbprint_of_certificate(certificate) == client.certificate
    if client.auth_method != "tls_client_auth":
        return False
    try:
        return x509.load_der_x509_certificate(certificate).subject.rfc4514_string() == client.certificate
    except ValueError as error:
        raise OAuthError("invalid_client", "the certificate cannot be read", status=401) from error
