"""What the store may hold but nobody may read there: sealed by AES-256-GCM.

The key is made of the operator's ``secret`` by scrypt. Without one it is random and stands in the store itself: whoever
can read the store can then sign tokens, so the store must be as protected as a key file.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from apim_sdk import Secret

from apim_keymanagers.resident.records import Records

__all__ = ["Vault", "open_vault"]

_NONCE = 12
_CHECK = b"the secret of the authorization server"


class Vault:
    """Seals and opens; also makes keyed digests. Immutable."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._key = hmac.digest(key, b"mac", "sha256")

    def seal(self, content: bytes, place: str) -> str:
        """Encrypt; ``place`` binds the result to where it is kept."""
        nonce = os.urandom(_NONCE)
        return urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, content, place.encode())).decode()

    def open(self, sealed: str, place: str) -> bytes:
        """Decrypt. Raises ValueError if it was sealed by another secret, for another place, or was changed."""
        from cryptography.exceptions import InvalidTag

        data = urlsafe_b64decode(sealed)
        try:
            return self._cipher.decrypt(data[:_NONCE], data[_NONCE:], place.encode())
        except InvalidTag:
            raise ValueError(f"{place} was not sealed by this `secret`") from None

    def mac(self, *parts: str) -> str:
        """A digest of the parts that only the holder of the key can make."""
        text = "\0".join(parts).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


async def open_vault(records: Records, secret: Secret | None) -> Vault:
    """The vault of a store, made at the first start. Raises ValueError if ``secret`` is not the one of then."""
    kept = await records.get("vault", "key")
    if kept is None:
        fresh = {"salt": _text(os.urandom(16))} if secret else {"key": _text(os.urandom(32))}
        if "salt" in fresh:
            fresh["check"] = (await _derived(secret, fresh["salt"])).seal(_CHECK, "vault/key")
        await records.add("vault", "key", fresh)
        kept = await records.get("vault", "key") or fresh
    if "salt" not in kept:
        if secret is not None:
            raise ValueError("the store was made without a `secret`: leave it out, or begin with an empty store")
        return Vault(urlsafe_b64decode(kept["key"]))
    vault = await _derived(secret, kept["salt"])
    try:
        vault.open(kept["check"], "vault/key")
    except ValueError:
        raise ValueError("this is not the `secret` that the store's keys were sealed with") from None
    return vault


async def _derived(secret: Secret | None, salt: str) -> Vault:
    if secret is None:
        raise ValueError("the store's keys are sealed: give the `secret` that they were sealed with")
    password, raw = secret.reveal().encode(), urlsafe_b64decode(salt)
    key = await asyncio.to_thread(lambda: hashlib.scrypt(password, salt=raw, n=2**14, r=8, p=1, dklen=32))
    return Vault(key)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()
