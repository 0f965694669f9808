"""The keys that the server signs with: made at the first start, rotated with overlap.

A new key is published for ``ahead`` seconds before it signs, so that whoever caches the key set has it by then; an old
one stays published until the last token that it signed has expired. Private keys are sealed in the store, numbered; of
several processes that find a rotation due, one makes the key, and all follow the store.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from typing import Any, Final, Literal

import attrs
from apim_sdk import Clock, Logger

from apim_keymanagers.resident.compact import base64url, compact_json
from apim_keymanagers.resident.records import Record, Records, decode
from apim_keymanagers.resident.together import SignedTogether
from apim_keymanagers.resident.vault import Vault

__all__ = ["KeyRing", "Signer", "SigningAlgorithm", "r_and_s"]

SigningAlgorithm = Literal["RS256", "ES256", "EdDSA"]
Key = Mapping[str, Any]

_KIND: Final = "key"
_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""The public members of each type of key (RFC 7518, section 6; RFC 8037, section 2)."""
_RETRY: Final = 5.0


@attrs.frozen
class Signer:
    """One private key, ready to sign."""

    number: int
    algorithm: SigningAlgorithm
    public: Key
    """The JSON Web Key that is published."""
    active: float
    """From when it signs, seconds since the epoch."""
    _signed: SignedTogether = attrs.field(repr=False, eq=False)
    _headers: dict[str, bytes] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    def encode(self, claims: str, kind: str) -> Awaitable[str]:
        """A signed token in compact form (RFC 7515, section 7.1) of the type ``kind``; its claims are JSON already."""
        header = self._headers.get(kind)
        if header is None:
            document = {"alg": self.algorithm, "kid": self.public["kid"], "typ": kind}
            header = self._headers[kind] = base64url(compact_json(document).encode()) + b"."
        return self._signed(header + base64url(claims.encode()))


class KeyRing:
    """The keys there are. Shared by all snapshots of the same settings; follows the store while a snapshot runs."""

    def __init__(
        self,
        records: Records,
        vault: Vault,
        clock: Clock,
        *,
        algorithm: SigningAlgorithm,
        every: float,
        ahead: float,
        keep: float,
    ) -> None:
        self.generation = 1
        self._records = records
        self._vault = vault
        self._now = clock.now
        self._algorithm: SigningAlgorithm = algorithm
        self._every = every
        self._ahead = ahead
        self._keep = keep
        self._signers: dict[int, Signer] = {}
        self._published: tuple[Key, ...] = ()
        self._current: Signer | None = None
        self._next_change = 0.0

    @property
    def published(self) -> tuple[Key, ...]:
        """The public keys, the newest first."""
        return self._published

    def keys(self, key_id: str | None) -> tuple[Key, ...]:
        """The public keys with this ``kid``; all of them if it is None."""
        return tuple(key for key in self._published if key_id is None or key["kid"] == key_id)

    @property
    def signer(self) -> Signer:
        """The key to sign with now."""
        now = self._now()
        if self._current is None or now >= self._next_change:
            active = [signer for signer in self._signers.values() if signer.active <= now]
            self._current = max(active or self._signers.values(), key=lambda signer: signer.number)
            later = [signer.active for signer in self._signers.values() if signer.active > now]
            self._next_change = min(later, default=float("inf"))
        return self._current

    def attach(self, records: Records, vault: Vault) -> None:
        """Go on with the store of the newest snapshot."""
        self._records, self._vault = records, vault

    async def load(self) -> None:
        """Read the keys, and make the first. Raises OSError, or ValueError where one cannot be opened."""
        async for name, record in self._records.all(_KIND):
            await self._put(name, record)
        if not self._usable():
            await self._make(self._now())
        self._changed()

    async def rotate(self, *, at_once: bool = False) -> None:
        """Make the next key if it is due, drop keys that are of no more use. ``at_once``: it is due, and signs now."""
        now = self._now()
        newest = max(self._signers.values(), key=lambda signer: signer.number)
        if at_once or newest.algorithm != self._algorithm or now >= newest.active + self._every - self._ahead:
            await self._make(now if at_once else now + self._ahead)
        for signer in list(self._signers.values()):
            successor = self._successor(signer)
            if successor is not None and now >= successor.active + self._keep:
                await self._records.delete(_KIND, _name(signer.number))
                self._drop(signer.number)
        self._changed()

    async def keep_rotating(self, log: Logger) -> None:
        """Rotate whenever that is due, for good."""
        while True:
            await asyncio.sleep(max(1.0, min(60.0, self._every / 10)))
            try:
                await self.rotate()
            except (OSError, ValueError) as error:
                log.warning("The signing keys could not be looked after; those that are known stay", error=str(error))

    async def follow(self, log: Logger) -> None:
        """Learn of keys that other processes made or dropped, for good."""
        prefix = self._records.key(_KIND)
        while True:
            try:
                async for batch in self._records.store.follow(prefix):
                    for change in batch.changes:
                        name = self._records.name(_KIND, change.key)
                        if change.value is None:
                            self._drop(int(name))
                        else:
                            await self._put(name, decode(change.value))
                    self._changed()
            except (OSError, ValueError) as error:
                log.warning("The signing keys could not be followed; those that are known stay", error=str(error))
            await asyncio.sleep(_RETRY)

    def _usable(self) -> bool:
        return any(signer.algorithm == self._algorithm for signer in self._signers.values())

    def _successor(self, signer: Signer) -> Signer | None:
        later = [other for other in self._signers.values() if other.number > signer.number]
        return min(later, key=lambda other: other.active, default=None)

    async def _make(self, active: float) -> None:
        """The next key, unless another process was quicker: then that one."""
        number = max(self._signers, default=0) + 1
        private = await asyncio.to_thread(_generate, self._algorithm)
        place = self._records.key(_KIND, _name(number))
        record = {
            "algorithm": self._algorithm,
            "active": active,
            "private": self._vault.seal(compact_json(private).encode(), place),
        }
        if not await self._records.add(_KIND, _name(number), record):
            record = dict(await self._records.get(_KIND, _name(number)) or record)
        await self._put(_name(number), record)

    async def _put(self, name: str, record: Record) -> None:
        number = int(name)
        if number not in self._signers:
            private = json.loads(self._vault.open(record["private"], self._records.key(_KIND, name)))
            self._signers[number] = _signer(number, record["algorithm"], private, record["active"])

    def _drop(self, number: int) -> None:
        if len(self._signers) > 1 and self._signers.pop(number, None) is not None:
            self.generation += 1
            self._changed()

    def _changed(self) -> None:
        ordered = sorted(self._signers.values(), key=lambda signer: -signer.number)
        self._published = tuple(signer.public for signer in ordered)
        self._current = None


def _name(number: int) -> str:
    return f"{number:06}"


def _generate(algorithm: SigningAlgorithm) -> dict[str, Any]:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    key: Any
    if algorithm == "RS256":
        key = RSAKey.generate_key(2048, private=True)
    elif algorithm == "ES256":
        key = ECKey.generate_key("P-256", private=True)
    else:
        key = OKPKey.generate_key("Ed25519", private=True)
    return {**key.as_dict(private=True), "kid": key.thumbprint()}


def _signer(number: int, algorithm: SigningAlgorithm, private: dict[str, Any], active: float) -> Signer:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from joserfc.jwk import import_key

    key: Any = import_key(private)
    raw = key.private_key
    sha256 = hashes.SHA256()
    if algorithm == "RS256":
        pkcs1 = padding.PKCS1v15()

        def sign(data: bytes) -> bytes:
            signature: bytes = raw.sign(data, pkcs1, sha256)
            return signature
    elif algorithm == "ES256":
        ecdsa = ec.ECDSA(sha256)

        def sign(data: bytes) -> bytes:
            return r_and_s(raw.sign(data, ecdsa))
    else:
        sign = raw.sign
    members = {name: private[name] for name in _MEMBERS[private["kty"]]}
    public = {"kty": private["kty"], **members, "use": "sig", "alg": algorithm, "kid": private["kid"]}
    return Signer(number, algorithm, public, active, SignedTogether(sign))


def r_and_s(signature: bytes) -> bytes:
    """A signature by P-256 as JWS has it, 32 bytes each of R and S (RFC 7518, section 3.4), out of the DER of RFC 3279,
    section 2.2.3: a sequence of two integers. None of the three is so long that its length takes a second byte; an
    integer has no leading zeros but one in front of a bit that would be its sign."""
    end = 4 + signature[3]
    return signature[4:end][-32:].rjust(32, b"\0") + signature[end + 2 :][-32:].rjust(32, b"\0")
