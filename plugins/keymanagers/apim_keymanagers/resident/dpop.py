"""Proofs that a client holds a key, to which its tokens are bound (RFC 9449, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.credentials import digest
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.jws import InvalidAssertion, parts_of, verify_with

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["thumbprint_of_proof"]

_LEEWAY: Final = 60.0
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


async def thumbprint_of_proof(server: Server, asked: Asked) -> str | None:
    """The thumbprint (RFC 7638) of the key that the request proves; None if it proves none. Raises OAuthError."""
    if not asked.proofs:
        return None
    if len(asked.proofs) > 1:
        raise OAuthError("invalid_dpop_proof", "there is more than one DPoP proof")
    try:
        return await _checked(server, asked.proofs[0], asked.url)
    except InvalidAssertion as error:
        raise OAuthError("invalid_dpop_proof", f"the DPoP proof is not accepted: {error}") from error


async def _checked(server: Server, proof: str, url: str) -> str:
    """RFC 9449, section 4.3."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    header, claims, signed, signature = parts_of(proof, own_key=True)
    key = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not isinstance(key, dict) or not _PRIVATE.isdisjoint(key):
        raise InvalidAssertion("its header is not that of a proof")
    if not verify_with(key, header.get("alg"), signed, signature):
        raise InvalidAssertion("its signature is wrong")
    issued, proof_id = claims.get("iat"), claims.get("jti")
    if claims.get("htm") != "POST" or str(claims.get("htu", "")).partition("?")[0] != url:
        raise InvalidAssertion("it is for another request")
    now = server.now()
    if not isinstance(issued, int | float) or not now - _LEEWAY <= issued <= now + _LEEWAY:
        raise InvalidAssertion("it is too old, or from the future")
    if not isinstance(proof_id, str) or not 0 < len(proof_id) <= 500:
        raise InvalidAssertion("it has no jti")
    try:
        thumbprint: str = import_key(
            {name: key[name] for name in key if name not in ("alg", "key_ops", "use")}
        ).thumbprint()
    except (JoseError, ValueError) as error:
        raise InvalidAssertion("its key is none") from error
    if not await server.records.add("proof", digest(f"{thumbprint}\0{proof_id}"), {"iat": issued}, 2 * _LEEWAY):
        raise InvalidAssertion("it was used before")
    return thumbprint
