"""Let in clients that sign their requests by the draft that came before RFC 9421, with a shared secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

import attrs
from apim_sdk import (
    Authenticator,
    Clock,
    Context,
    Credential,
    Duration,
    Exchange,
    KeyType,
    Principal,
    Reject,
    Secret,
    Size,
    state,
)
from apim_sdk.errors import INVALID_CREDENTIALS, PLAN_RESOLUTION_FAILURE

from apim_auth.hmac_fields import DraftSignature, parse_signature, signing_string
from apim_auth.http_signature_digest import check_digest, has_body
from apim_auth.http_signature_fields import BadSignature
from apim_auth.http_signature_keys import secret_bytes
from apim_auth.http_signature_replay import ReplayMemory, ReplayMemoryFull, replay_memory

__all__ = ["HMAC", "SharedSecret"]

HMACAlgorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]

_HASHES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {"hmac-sha256": hashlib.sha256, "hmac-sha384": hashlib.sha384, "hmac-sha512": hashlib.sha512}
)
_UNNAMED: Final = (None, "hs2019")
"""What says of the algorithm that it is the key's (section 2.1.3 of the draft)."""


@attrs.frozen
class SharedSecret:
    """A secret that a client signs with."""

    secret: Secret
    """The secret, at least 16 bytes."""
    encoding: Literal["text", "base64"] = "text"
    """Whether the secret is what is written, or the bytes that are written in base64."""
    algorithm: HMACAlgorithm = "hmac-sha256"
    """The one algorithm that the client signs by."""
    client_id: str | None = None
    """Client id (a key `client_id`) of the application that signs with it."""
    scopes: tuple[str, ...] = ()
    """Scopes of who signs with it."""
    key_type: KeyType = "production"
    """For which world it is."""

    def __attrs_post_init__(self) -> None:
        secret_bytes(self.secret, self.encoding)


@attrs.frozen
class HMAC(Authenticator):
    """Lets in clients that sign their requests with a shared secret, as draft-cavage-http-signatures-12 says.

    It is what Gravitee's `http-signature` speaks; new clients sign by RFC 9421, see `http-signature`. A signature
    must cover what `required` says, and `Digest` where there is a body. It is good for a short time.
    """

    challenge: ClassVar[str | None] = 'Signature realm="apim",headers="(request-target) (created) host"'
    example: ClassVar[Any] = {"keys": {"shop-1": {"secret": "at-least-16-bytes-of-secret", "client_id": "shop"}}}

    keys: Mapping[str, SharedSecret] = attrs.field(hash=False, validator=attrs.validators.min_len(1))
    """Secrets by their `keyId`."""
    header: Literal["Authorization", "Signature"] = "Authorization"
    """Header that carries the signature: `Authorization` behind the word `Signature`, or `Signature` alone."""
    required: tuple[str, ...] = ("(request-target)", "host")
    """Headers that must be covered, in lower case; `(request-target)` is method and path. So must `(created)` or
    `date`."""
    query: bool = True
    """Whether `(request-target)` goes on with the query, as the draft has it; Gravitee signs the path alone."""
    body: Literal["signed", "any"] = "signed"
    """Whether a request with a body must cover its `digest`."""
    max_body: Size = Size("10MiB")
    """Size of the largest body that is read for its digest."""
    max_age: Duration = Duration("5m")
    """How long a signature is good, from its `created` or `Date` on."""
    leeway: Duration = Duration("30s")
    """How far the client's clock and this one may be apart."""
    once: bool = False
    """Whether a signature is good once only: two requests of a client must then differ in something that is signed."""
    store: str | None = None
    """Name of the store that keeps signatures that were used for all processes; without it, each keeps its own."""
    forward: bool = False
    """Whether the endpoint gets to see the signature."""
    _secrets: Mapping[str, bytes] = state()
    _clock: Clock = state()
    _used: ReplayMemory = state()
    _leave: Callable[[], None] | None = state()

    def __attrs_post_init__(self) -> None:
        for name in self.required:
            if name != name.lower() or not name:
                raise ValueError(f"{name!r} is no header in lower case")
        signed = " ".join(dict.fromkeys(("(created)", *self.required)))
        self.hold(
            requires_subscription=any(key.client_id for key in self.keys.values()),
            challenge=f'Signature realm="apim",headers="{signed}"',
            _secrets={name: secret_bytes(key.secret, key.encoding) for name, key in self.keys.items()},
        )

    async def start(self, context: Context) -> None:
        used = await replay_memory(context, "hmac", self.store)
        leave = used.lifetimes.join(self.max_age + self.leeway, self.leeway) if self.once else None
        self.hold(_clock=context.clock, _used=used, _leave=leave)

    async def stop(self) -> None:
        if self._leave is not None:
            self._leave()
            self.hold(_leave=None)

    def find(self, exchange: Exchange) -> Credential | None:
        headers = exchange.request.headers
        value = headers.combined(self.header.lower().encode())
        if value is None or (self.header == "Signature" and headers.first(b"signature-input") is not None):
            return None  # what comes with Signature-Input is a signature by RFC 9421
        if self.header == "Authorization":
            if value[:10].lower() != b"signature ":
                return None
            value = value[10:]
        text = value.strip(b" ").decode("latin-1")
        return Credential("hmac", Secret(text)) if text else None

    async def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        try:
            signature = parse_signature(credential.value.reveal())
            key = self._check(signature, exchange)
            if "digest" in signature.headers:
                await check_digest(exchange.request, self.max_body)
            if self.once:
                await self._use(signature, exchange)
        except BadSignature as error:
            raise self._refusal(str(error)) from error
        except (OSError, ReplayMemoryFull) as error:
            raise Reject(
                PLAN_RESOLUTION_FAILURE, detail=f"it cannot be told whether a signature was used: {error}"
            ) from error
        return Principal(
            key.client_id or signature.key_id,
            scopes=frozenset(key.scopes),
            claims=MappingProxyType({"keyid": signature.key_id, "covered": list(signature.headers)}),
            client_id=key.client_id,
            key_type=key.key_type,
        )

    def conceal(self, exchange: Exchange) -> None:
        if not self.forward:
            exchange.request.headers.remove(self.header)

    async def _use(self, signature: DraftSignature, exchange: Exchange) -> None:
        end = self._clock.now() + self._used.lifetimes.window  # when no signature of now is good any more
        if not await self._used.first(signature.key_id, signature.value.hex(), end, exchange):
            raise BadSignature("the signature was used before")

    def _check(self, signature: DraftSignature, exchange: Exchange) -> SharedSecret:
        """The secret that made the signature. Raises BadSignature unless it is good and covers enough."""
        key = self.keys.get(signature.key_id)
        if key is None:
            raise BadSignature(f"the key {signature.key_id!r:.80} is not known")
        if signature.algorithm not in (*_UNNAMED, key.algorithm):
            raise BadSignature("the algorithm is not that of the key")
        self._check_dates(signature, exchange)
        missing = [name for name in self.required if name not in signature.headers]
        if self.body == "signed" and "digest" not in signature.headers and has_body(exchange.request):
            missing.append("digest")
        if missing:
            raise BadSignature(f"the signature does not cover {', '.join(missing)}")
        text = signing_string(exchange.request, signature, with_query=self.query)
        right = hmac.digest(self._secrets[signature.key_id], text, _HASHES[key.algorithm])
        if not hmac.compare_digest(right, signature.value):
            raise BadSignature("the signature is wrong")
        return key

    def _check_dates(self, signature: DraftSignature, exchange: Exchange) -> None:
        now = self._clock.now()
        created = _created(signature, exchange)
        if created - self.leeway > now:
            raise BadSignature("the signature is from the future")
        end = created + self._used.lifetimes.of(created, self.max_age + self.leeway)
        if signature.expires is not None:
            end = min(end, signature.expires + self.leeway)
        if end <= now:
            raise BadSignature("the signature is too old")

    def _refusal(self, detail: str) -> Reject:
        return Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": self.challenge or ""}, detail=detail)


def _created(signature: DraftSignature, exchange: Exchange) -> float:
    """When it was made, by what it covers; seconds since the epoch. Raises BadSignature if it covers no date."""
    if "(created)" in signature.headers and signature.created is not None:
        return float(signature.created)
    if "date" in signature.headers:
        try:
            return parsedate_to_datetime(exchange.request.headers.get("Date", "")).timestamp()
        except (ValueError, OverflowError) as error:
            raise BadSignature("the Date is none") from error
    raise BadSignature("the signature covers neither (created) nor date")
