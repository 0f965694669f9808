"""How a client proves who it is to an authorization server (RFC 6749, section 2.3; RFC 7523; RFC 8705)."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Final, Literal, get_args
from urllib.parse import quote_plus

import attrs
from apim_sdk import RegisteredClient, Secret, Unsupported

__all__ = [
    "METHODS",
    "Authentication",
    "ClientSettings",
    "Method",
    "_read_signer",
    "authentication_of",
    "own_authentication",
]

Method = Literal[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "bearer",
    "none",
]
METHODS: Final[tuple[str, ...]] = get_args(Method)
_WITH_SECRET: Final = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "bearer")
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME: Final = 60
"""For how many seconds an assertion is good; each is used once."""

Sign = Callable[[dict[str, Any]], str]
"""Makes a signed assertion of its claims."""


@attrs.frozen
class ClientSettings:
    """Who the gateway itself is at an authorization server, and how it proves that."""

    id: str = ""
    """Client id of the gateway at the server."""
    secret: Secret | None = None
    """Its secret; for the method `bearer` the access token that it presents instead."""
    method: Method | None = None
    """How it proves who it is; without it, by `key` if there is one, else by `secret` (`client_secret_basic`), else
    by the certificate of `tls`."""
    key: Path | None = None
    """File of its private key (PEM, or a JSON Web Key), for `private_key_jwt`; the path is relative to this file."""
    key_id: str | None = None
    """The `kid` under which the server knows the key; without it, the key's own."""
    algorithm: str | None = None
    """The algorithm of its assertions; without it, what the key says, else `RS256`, `ES256` ... by the key's type."""
    audience: str | None = None
    """Whom its assertions are for; without it, the issuer."""

    def __attrs_post_init__(self) -> None:
        method = self.chosen
        if not self.id and method != "bearer":
            raise ValueError("say which client the gateway is at the server: `id`")
        if method in _WITH_SECRET and self.secret is None:
            raise ValueError(f"{method} needs the `secret` of the client")
        if method == "private_key_jwt" and self.key is None:
            raise ValueError("private_key_jwt needs the file of a private `key`")

    @property
    def chosen(self) -> Method:
        """The method that is used."""
        if self.method is not None:
            return self.method
        if self.key is not None:
            return "private_key_jwt"
        return "client_secret_basic" if self.secret is not None else "tls_client_auth"

    @property
    def by_certificate(self) -> bool:
        """Whether a TLS client certificate is the proof."""
        return self.chosen in ("tls_client_auth", "self_signed_tls_client_auth")


@attrs.frozen
class Authentication:
    """A client's proof, ready to be put into a request."""

    id: str
    method: str
    secret: Secret | None = None
    sign: Sign | None = attrs.field(default=None, repr=False)
    audience: str | None = None

    def prove(self, form: MutableMapping[str, str], headers: MutableMapping[str, str], issuer: str, now: float) -> None:
        """Add the proof to a request's form and headers."""
        secret = "" if self.secret is None else self.secret.reveal()
        if self.method == "client_secret_basic":
            pair = f"{quote_plus(self.id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        elif self.method == "bearer":
            headers["Authorization"] = f"Bearer {secret}"
        elif self.sign is not None:
            form["client_id"] = self.id
            form["client_assertion_type"] = _ASSERTION
            form["client_assertion"] = self.sign(self._claims(self.audience or issuer, now))
        else:
            form["client_id"] = self.id
            if self.method == "client_secret_post":
                form["client_secret"] = secret

    def _claims(self, audience: str, now: float) -> dict[str, Any]:
        """RFC 7523, section 3."""
        return {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now),
            "exp": int(now) + _LIFETIME,
        }


def _read_signer(settings: ClientSettings) -> Sign:
    """What signs the assertions of ``private_key_jwt``. Raises OSError or ValueError where its key is no good."""
    from joserfc.errors import JoseError  # which loads a library for cryptography: too slow for an import

    if settings.key is None:
        raise ValueError("private_key_jwt needs the file of a private `key`")
    text = settings.key.read_text("utf-8")
    try:
        key = _import_jwk(text) if text.lstrip().startswith("{") else _import_pem(text)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{settings.key} holds no private key, in PEM or as a JSON Web Key") from error
    return _signer(key, settings.algorithm or _algorithm_of(key), settings.key_id or _text(key.get("kid")))


def authentication_of(client: RegisteredClient) -> Authentication:
    """The proof of a registered client. Raises Unsupported where only the client itself can make it."""
    method = client.registration.token_endpoint_auth_method
    if method == "client_secret_jwt" and client.client_secret is not None:
        return Authentication(client.client_id, method, sign=_by_secret(client.client_secret))
    if method in ("client_secret_basic", "client_secret_post") and client.client_secret is not None:
        return Authentication(client.client_id, method, client.client_secret)
    if method == "none":
        return Authentication(client.client_id, method)
    raise Unsupported(f"the client {client.client_id} proves who it is by {method}: only it has what that takes")


def own_authentication(settings: ClientSettings) -> Authentication:
    """The gateway's own proof. Reads the key; raises OSError or ValueError where it is no good."""
    method, sign = settings.chosen, None
    if method == "private_key_jwt":
        sign = _read_signer(settings)
    elif method == "client_secret_jwt" and settings.secret is not None:
        sign = _by_secret(settings.secret)
    return Authentication(settings.id, method, settings.secret, sign, settings.audience)


def _import_jwk(text: str) -> Any:
    from joserfc.jwk import import_key

    content = json.loads(text)
    if content.get("kty") == "oct" or "d" not in content:
        raise ValueError("it is no private key of a key pair")
    return import_key(content)


def _import_pem(text: str) -> Any:
    """joserfc wants to be told the type of a key in PEM; cryptography sees it."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from joserfc.jwk import import_key

    loaded = load_pem_private_key(text.encode(), password=None)
    if isinstance(loaded, RSAPrivateKey):
        return import_key(text, "RSA")
    return import_key(text, "EC" if isinstance(loaded, EllipticCurvePrivateKey) else "OKP")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _algorithm_of(key: Any) -> str:
    content = key.as_dict(private=False)
    if key.key_type == "RSA":
        default = "RS256"
    elif key.key_type == "EC":
        default = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}.get(content["crv"], "ES256")
    else:
        default = "EdDSA"
    said = content.get("alg")
    return said if isinstance(said, str) else default


def _signer(key: Any, algorithm: str, key_id: str | None) -> Sign:
    from joserfc.jws import JWSRegistry

    if algorithm not in JWSRegistry.algorithms or algorithm == "none":
        raise ValueError(f"{algorithm!r} is no algorithm of signatures")
    signature = JWSRegistry.algorithms[algorithm]
    header = {"alg": algorithm, "typ": "JWT"} if key_id is None else {"alg": algorithm, "typ": "JWT", "kid": key_id}

    def sign(claims: dict[str, Any]) -> str:
        """JWS compact serialization (RFC 7515, section 7.1)."""
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{signed}.{_part(signature.sign(signed.encode(), key))}"

    return sign


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _by_secret(secret: Secret) -> Sign:
    from joserfc.jwk import OctKey

    return _signer(OctKey.import_key(secret.reveal()), "HS256", None)
