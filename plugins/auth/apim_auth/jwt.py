"""Let in who presents a JSON Web Token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import attrs
from apim_sdk import Context

from apim_auth.managers import KeyManagers
from apim_auth.tokens import Examine, TokenAuthenticator
from apim_auth.verified import VerifiedTokens

__all__ = ["JWT"]

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


@attrs.frozen
class JWT(TokenAuthenticator):
    """Lets in who presents a JSON Web Token (RFC 7519, RFC 9068) that a key manager's key has signed.

    The token says who the subject is, for which client and scopes, for whom and how long. Its issuer says which key
    manager's keys it is held against; a token of any other issuer is refused. It is verified once, until it expires,
    is revoked, or the key manager drops a key.
    """

    example: ClassVar[Any] = {"key_manager": "main", "audience": ["orders"], "client_id_claim": "azp"}

    key_managers: tuple[str, ...] = ()
    """Names of several key managers whose tokens are accepted, in place of `key_manager`; without either, those of all
    that the API allows are."""
    keys: Path | None = None
    """File with the public keys of an issuer for which there is no key manager: a JWK Set, or PEM; relative to this
    file."""
    jwks: Mapping[str, Any] | None = attrs.field(default=None, hash=False)
    """The public keys of such an issuer, written here as a JWK Set: `{keys: [{kty: OKP, crv: Ed25519, x: ...}]}`."""
    issuer: str | None = None
    """Beside `keys` or `jwks`: the `iss` that tokens must carry; without it, any will do."""
    algorithms: tuple[Algorithm, ...] = get_args(Algorithm)
    """Signature algorithms that are accepted, of those that fit the key."""
    types: tuple[str, ...] = ()
    """Values of `typ` in the token's header that are accepted, such as `at+jwt`; without any, `JWT`, `at+jwt` or none.
    Another is an incorrect token type."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        given = self.keys is not None, self.jwks is not None
        if sum((self.key_manager is not None, bool(self.key_managers), *given)) > 1:
            raise ValueError("name one of `key_manager`, `key_managers`, `keys` and `jwks`")
        if self.issuer is not None and not any(given):
            raise ValueError("`issuer` goes with `keys` or `jwks`: a key manager knows its own")

    async def managers(self, context: Context) -> KeyManagers:
        if self.keys is None and self.jwks is None:
            return KeyManagers.of(
                context, self.key_managers or (() if self.key_manager is None else (self.key_manager,))
            )
        from apim_auth.given_keys import GivenKeys

        if self.keys is not None:
            return KeyManagers(((None, await GivenKeys.read(self.keys, self.issuer)),))
        return KeyManagers(((None, GivenKeys.written(self.jwks, self.issuer)),))

    def examining(self, context: Context, managers: KeyManagers, known: VerifiedTokens) -> Examine:
        from apim_auth.verifier import Verifier  # which loads a library for cryptography: too slow for an import

        return Verifier(self, managers, known, context.revocations, context.clock.now).verify
