"""Let in who tries an API out with a key that was made for just this API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import (
    API,
    Authenticator,
    Context,
    Credential,
    Duration,
    ErrorKind,
    Exchange,
    HeaderField,
    Principal,
    Reject,
    Secret,
    errors,
    state,
)

from apim_auth.claims import InvalidClaims, date_of, key_type_of, start_of, text_of

__all__ = ["TOKEN_TYPE", "InternalKey", "claims_for"]

TOKEN_TYPE: Final = "InternalKey"  # noqa: S105  # a kind
"""What the claim ``token_type`` of a test key says."""
_LONGEST: Final = 8192
"""Characters of the longest key that is looked at."""


def claims_for(api: API, subject: str, key_id: str, now: float, lifetime: float) -> dict[str, Any]:
    """What a test key says: who tries which API out, from ``now`` (seconds since the epoch) for how many seconds."""
    return {
        "sub": subject,
        "jti": key_id,
        "token_type": TOKEN_TYPE,
        "api": {"name": api.name, "version": api.version, "context": api.context},
        "iat": int(now),
        "exp": int(now + lifetime),
    }


@attrs.frozen
class InternalKey(Authenticator):
    """Lets in who tries an API out with a test key, which is signed for one API and a short time.

    It needs neither an application nor a subscription. A key for another API is forbidden. Keys are made by whoever
    holds the private key: `python -m apim_auth.internal_key_maker`.
    """

    challenge: ClassVar[str | None] = 'InternalKey realm="apim"'
    requires_subscription: ClassVar[bool] = False
    example: ClassVar[Any] = {
        "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]
    }

    keys: tuple[Mapping[str, str], ...] = attrs.field(default=(), hash=False)
    """Public keys whose signatures are good, as JSON Web Keys."""
    file: Path | None = None
    """File with such keys, a JWK Set or PEM; relative to this file."""
    header: str = "Internal-Key"
    """Header that carries the key; the endpoint does not see it."""
    longest: Duration = Duration("1d")
    """For how long a key may be made at most; one for longer is refused."""
    leeway: Duration = Duration("30s")
    """How far the clock of who made the key and this one may be apart."""
    _header: bytes = state()
    _given: tuple[Mapping[str, Any], ...] = state()
    _context: Context = state()

    def __attrs_post_init__(self) -> None:
        if not self.keys and self.file is None:
            raise ValueError("say whose signatures are good: `keys` or `file`")
        self.hold(_header=HeaderField(self.header, "").lower_name)

    async def start(self, context: Context) -> None:
        from apim_auth.given_keys import GivenKeys  # which loads a library for cryptography: too slow for an import

        keys = GivenKeys.of(self.keys, "`keys`") if self.keys else ()
        if self.file is not None:
            keys = (*keys, *(await GivenKeys.read(self.file, None)).given)
        self.hold(_given=keys, _context=context)

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.combined(self._header)
        return Credential("internal-key", Secret(value.decode("latin-1"))) if value else None

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        from apim_auth.jws import InvalidSignature

        key = credential.value.reveal()
        try:
            claims = self._verified(key)
            if claims.get("token_type") != TOKEN_TYPE:
                raise self._refused(errors.INCORRECT_TOKEN_TYPE, "the token is no test key (token_type)")
            principal = self._principal(key, claims)
        except (InvalidSignature, InvalidClaims) as error:
            raise self._refused(errors.INVALID_CREDENTIALS, error) from error
        api = exchange.api
        if claims.get("api") != {"name": api.name, "version": api.version, "context": api.context}:
            raise Reject(errors.NOT_SUBSCRIBED, "The key is for another API", detail="the test key is for another API")
        return principal

    def conceal(self, exchange: Exchange) -> None:
        exchange.request.headers.discard(self._header)

    def _verified(self, key: str) -> Mapping[str, Any]:
        """What the key says, if its signature is good. Raises InvalidSignature or InvalidClaims."""
        from apim_auth import jws

        if len(key) > _LONGEST:
            raise InvalidClaims(f"the key is longer than {_LONGEST} characters")
        signed = jws.parse(key)
        jws.verify(signed, self._given)
        return jws.json_object(signed.payload, "payload")

    def _principal(self, key: str, claims: Mapping[str, Any]) -> Principal:
        """Who tries the API out. Raises InvalidClaims unless the key is good now."""
        now = self._context.clock.now()
        issued_at, expires = start_of(claims, now, self.leeway), date_of(claims, "exp")
        if issued_at is None or expires is None or not expires - issued_at <= self.longest:
            raise InvalidClaims("the key does not say how long it is good (iat, exp), or for too long")
        if expires + self.leeway <= now:
            raise InvalidClaims("the key has expired")
        subject, key_id = text_of(claims, "sub"), text_of(claims, "jti")
        if subject is None or key_id is None:
            raise InvalidClaims("the key does not say whose or which one it is (sub, jti)")
        if self._context.revocations.revoked(token_id=key_id, token=key, subject=subject, issued_at=issued_at):
            raise InvalidClaims("the key was revoked")
        return Principal(subject, claims=MappingProxyType(dict(claims)), expires=expires, key_type=key_type_of(claims))

    def _refused(self, kind: ErrorKind, reason: object) -> Reject:
        headers = {"WWW-Authenticate": f'{self.challenge}, error="invalid_token"'}
        return Reject(kind, headers=headers, detail=str(reason))
