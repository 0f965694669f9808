"""API keys that are signed tokens: what WSO2 API Manager up to 4.6 gave out, for consumers that still hold them.

Such a key says itself whose it is, until when and from where it may be used, and perhaps for which APIs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs
from apim_sdk import Context, Duration, Exchange, Principal, Reject, Revocations
from apim_sdk.errors import NOT_SUBSCRIBED
from cachetools import LRUCache

from apim_auth.api_key_bounds import Network, check_bounds
from apim_auth.claims import key_type_of

__all__ = ["InvalidKey", "SignedKey", "SignedKeyIssuer", "SignedKeys"]

_REMEMBERED: Final = 10_000
_LONGEST: Final = 16_384
"""Characters of the longest key that is looked at."""


class InvalidKey(ValueError):
    """What was presented is no signed key that is good now. The text says why, for the operator."""


@attrs.frozen
class SignedKeyIssuer:
    """Whose signature is good: the public key as a certificate or among JSON Web Keys."""

    certificate: Path | None = None
    """PEM file of the certificate, such as `gateway_certificate_alias` of WSO2's key store."""
    jwks: Path | None = None
    """File of a JWK Set."""
    leeway: Duration = Duration("30s")
    """How far the issuer's clock and this one may be apart."""

    def __attrs_post_init__(self) -> None:
        if (self.certificate is None) == (self.jwks is None):
            raise ValueError("say whose signature is good: `certificate` or `jwks`")

    def load(self) -> tuple[Mapping[str, Any], ...]:
        """The public keys. Raises OSError, or ValueError where the file holds none."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet, import_key

        kinds = {"RSA": rsa.RSAPublicKey, "EC": ec.EllipticCurvePublicKey, "OKP": ed25519.Ed25519PublicKey}
        if self.certificate is not None:
            key = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_key()
            kind: Any = next((name for name, each in kinds.items() if isinstance(key, each)), None)
            if kind is None:
                raise ValueError(f"{self.certificate}: keys of API keys are RSA, EC or Ed25519")
            pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return (dict(import_key(pem, kind).as_dict(private=False)),)
        assert self.jwks is not None, "checked above"
        try:
            found = KeySet.import_key_set(json.loads(self.jwks.read_bytes()))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.jwks} is no JWK Set with public keys") from error
        return tuple(dict(key.as_dict(private=False)) for key in found.keys)


@attrs.frozen
class SignedKey:
    """A key that was verified."""

    principal: Principal
    addresses: tuple[Network, ...]
    referers: tuple[str, ...]
    apis: frozenset[tuple[str, str]] | None
    """Names and versions of the APIs that it is for; None if it does not say."""
    until: float

    def admit(self, exchange: Exchange) -> Principal:
        """The principal. Raises Reject (403) if the key is not for this API, address or page."""
        api = exchange.api
        if self.apis is not None and (api.name, api.version) not in self.apis:
            raise Reject(NOT_SUBSCRIBED, detail="the API is not among the subscribedAPIs of the key")
        check_bounds(exchange, self.addresses, self.referers)
        return self.principal


class SignedKeys:
    """Verifies signed keys and remembers those that are good, until something is revoked."""

    def __init__(
        self, keys: Sequence[Mapping[str, Any]], leeway: float, scopes: frozenset[str], context: Context
    ) -> None:
        self._keys = keys
        self._leeway = leeway
        self._scopes = scopes
        self._now: Callable[[], float] = context.clock.now
        self._revocations: Revocations = context.revocations
        self._generation = -1
        self._verified: LRUCache[str, SignedKey] = LRUCache(_REMEMBERED)

    def verify(self, value: str) -> SignedKey:
        """The key. Raises InvalidKey unless it is signed as it should be, has not expired and is not revoked."""
        if self._generation != self._revocations.generation:
            self._verified.clear()
            self._generation = self._revocations.generation
        key = self._verified.get(value)
        if key is None:
            key = self._verified[value] = self._verify(value)
        if key.until <= self._now():
            raise InvalidKey("the key has expired")
        return key

    def _verify(self, value: str) -> SignedKey:
        from apim_auth import jws

        if len(value) > _LONGEST:
            raise InvalidKey(f"the key is longer than {_LONGEST} characters")
        try:
            signed = jws.parse(value)
            jws.verify(signed, self._keys)
            claims = jws.json_object(signed.payload, "payload")
        except jws.InvalidSignature as error:
            raise InvalidKey(str(error)) from error
        key_id = claims.get("jti")
        if self._revocations.revoked(token_id=key_id if isinstance(key_id, str) else None, token=value):
            raise InvalidKey("the key is revoked")
        return _key_of(claims, self._leeway, self._scopes)


def _key_of(claims: Mapping[str, Any], leeway: float, scopes: frozenset[str]) -> SignedKey:
    if claims.get("token_type") != "apiKey":
        raise InvalidKey("the token is no API key (token_type)")
    subject, application = claims.get("sub"), claims.get("application")
    uuid = application.get("uuid") if isinstance(application, Mapping) else None
    if not isinstance(subject, str) or not subject or not isinstance(uuid, str):
        raise InvalidKey("the key does not say whose it is (sub, application.uuid)")
    expires = claims.get("exp", -1)
    if isinstance(expires, bool) or not isinstance(expires, (int, float)):
        raise InvalidKey("the claim exp is no date")
    until = float("inf") if expires == -1 else float(expires)
    principal = Principal(
        subject,
        scopes,
        claims=MappingProxyType(dict(claims)),
        client_id=uuid,
        issuer=claims["iss"] if isinstance(claims.get("iss"), str) else None,
        expires=None if expires == -1 else until,
        key_type=key_type_of(claims),
    )
    try:
        addresses = tuple(ip_network(text, strict=False) for text in _listed(claims, "permittedIP"))
    except ValueError as error:
        raise InvalidKey(f"the claim permittedIP cannot be read: {error}") from error
    return SignedKey(principal, addresses, _listed(claims, "permittedReferer"), _apis_of(claims), until + leeway)


def _listed(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a claim, which are set apart by commas."""
    value = claims.get(name) or ""
    if not isinstance(value, str):
        raise InvalidKey(f"the claim {name} is no text")
    return tuple(text.strip() for text in value.split(",") if text.strip())


def _apis_of(claims: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """What ``subscribedAPIs`` lists; None where the key was made without the list."""
    listed = claims.get("subscribedAPIs")
    if not listed:
        return None
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise InvalidKey("the claim subscribedAPIs is no list of APIs")
    return frozenset((str(each.get("name")), str(each.get("version"))) for each in listed)
