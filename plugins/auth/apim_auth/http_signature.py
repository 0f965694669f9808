"""Let in clients that sign their requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
    Principal,
    Reject,
    Secret,
    Size,
    state,
)
from apim_sdk.errors import INVALID_CREDENTIALS, PLAN_RESOLUTION_FAILURE

from apim_auth.http_signature_base import signature_base
from apim_auth.http_signature_digest import check_content_digest, has_body
from apim_auth.http_signature_fields import BadSignature, Signature, parse_signatures
from apim_auth.http_signature_keys import SigningKey, Verify
from apim_auth.http_signature_replay import ReplayMemory, ReplayMemoryFull, replay_memory

__all__ = ["HTTPSignature"]

_CHALLENGE: Final = 'Signature realm="apim"'
_PARTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "@target-uri": frozenset(("@scheme", "@authority", "@path", "@query", "@request-target")),
        "@request-target": frozenset(("@path", "@query")),
    }
)
"""What is covered with a component that holds it."""


@attrs.frozen
class HTTPSignature(Authenticator):
    """Lets in clients that sign their requests (RFC 9421) with a key that is known here.

    A signature must cover what `required` says, and `Content-Digest` (RFC 9530) where there is a body, which is then
    read whole and held against it. It is good for a short time; with a nonce, once. The path that is signed is the
    canonical one, without dot segments and needless percent-encoding.
    """

    challenge: ClassVar[str | None] = _CHALLENGE
    example: ClassVar[Any] = {
        "keys": {"shop-1": {"algorithm": "hmac-sha256", "secret": "at-least-16-bytes-of-secret", "client_id": "shop"}},
    }

    keys: Mapping[str, SigningKey] = attrs.field(hash=False, validator=attrs.validators.min_len(1))
    """Keys by their `keyid`."""
    required: tuple[str, ...] = ("@method", "@authority", "@path", "@query")
    """Components that must be covered, header fields in lower case; `@target-uri` covers all of authority, path and
    query."""
    body: Literal["signed", "any"] = "signed"
    """Whether a request with a body must cover its `content-digest`."""
    max_body: Size = Size("10MiB")
    """Size of the largest body that is read for its digest."""
    label: str | None = None
    """Label of the signature that counts; without it, any one that is good."""
    tag: str | None = None
    """The `tag` that the signature must have, as applications of signatures define it."""
    max_age: Duration = Duration("5m")
    """How long a signature is good, from its `created` on; it must have one."""
    leeway: Duration = Duration("30s")
    """How far the client's clock and this one may be apart."""
    nonce: Literal["required", "optional"] = "optional"
    """Whether a signature must have a nonce. One that has is good once."""
    store: str | None = None
    """Name of the store that keeps nonces for all processes; without it, each process keeps its own."""
    forward: bool = True
    """Whether the endpoint gets to see the signature."""
    _verify: Mapping[str, Verify] = state()
    _clock: Clock = state()
    _used: ReplayMemory = state()
    _leave: Callable[[], None] | None = state()

    def __attrs_post_init__(self) -> None:
        for name in self.required:
            if name != name.lower() or not name:
                raise ValueError(f"{name!r} is no component: write header fields in lower case")
        self.hold(requires_subscription=any(key.client_id for key in self.keys.values()))

    async def start(self, context: Context) -> None:
        verify = {key_id: await asyncio.to_thread(key.load) for key_id, key in self.keys.items()}
        used = await replay_memory(context, "http-signature", self.store)
        leave = used.lifetimes.join(self.max_age + self.leeway, self.leeway)
        self.hold(_verify=verify, _clock=context.clock, _used=used, _leave=leave)

    async def stop(self) -> None:
        if self._leave is not None:
            self._leave()
            self.hold(_leave=None)

    def find(self, exchange: Exchange) -> Credential | None:
        headers = exchange.request.headers
        value = headers.combined(b"signature")
        if headers.first(b"signature-input") is None:
            return None
        return Credential("http-signature", Secret((value or b"").decode("latin-1")))

    async def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        headers = exchange.request.headers
        try:
            signatures = parse_signatures(
                headers.combined(b"signature-input") or b"", credential.value.reveal().encode("latin-1")
            )
            signature = self._good(signatures, exchange)
            if signature.covers("content-digest"):
                await check_content_digest(exchange.request, self.max_body)
            await self._use(signature, exchange)
        except BadSignature as error:
            raise Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": _CHALLENGE}, detail=str(error)) from error
        except (OSError, ReplayMemoryFull) as error:
            raise Reject(
                PLAN_RESOLUTION_FAILURE, detail=f"it cannot be told whether a nonce was used: {error}"
            ) from error
        return self._principal(signature)

    def conceal(self, exchange: Exchange) -> None:
        if not self.forward:
            exchange.request.headers.remove("Signature")
            exchange.request.headers.remove("Signature-Input")

    def _good(self, signatures: tuple[Signature, ...], exchange: Exchange) -> Signature:
        """The first signature that is good. Raises BadSignature with what is wrong with the last one if none is."""
        refusal = BadSignature("none of the signatures has the label and tag that count")
        for signature in signatures:
            if self.label not in (None, signature.label) or self.tag not in (None, signature.parameters.get("tag")):
                continue
            try:
                self._check(signature, exchange)
            except BadSignature as error:
                refusal = error
            else:
                return signature
        raise refusal

    def _check(self, signature: Signature, exchange: Exchange) -> None:
        key = self.keys.get(signature.key_id or "")
        if key is None:
            raise BadSignature(f"the key {signature.key_id!r:.80} is not known")
        if signature.parameters.get("alg", key.algorithm) != key.algorithm:
            raise BadSignature("the algorithm is not that of the key")
        self._check_dates(signature)
        self._check_coverage(signature, exchange)
        if not self._verify[signature.key_id or ""](signature_base(exchange, signature), signature.value):
            raise BadSignature("the signature is wrong")

    def _check_dates(self, signature: Signature) -> None:
        now, created = self._clock.now(), signature.parameters.get("created")
        if created is None:
            raise BadSignature("the signature does not say when it was created")
        if created - self.leeway > now:
            raise BadSignature("the signature is from the future")
        if self._end(signature) <= now:
            raise BadSignature("the signature is too old")
        if self.nonce == "required" and not signature.parameters.get("nonce"):
            raise BadSignature("the signature has no nonce")

    def _end(self, signature: Signature) -> float:
        """Until when the signature is good, in seconds since the epoch."""
        created = float(signature.parameters["created"])
        end = created + self._used.lifetimes.of(created, self.max_age + self.leeway)
        return min(end, float(signature.parameters.get("expires", end)) + self.leeway)

    def _check_coverage(self, signature: Signature, exchange: Exchange) -> None:
        covered = {each.name for each in signature.components if not each.parameters}
        for name in tuple(covered):
            covered |= _PARTS.get(name, frozenset())
        missing = [name for name in self.required if name not in covered]
        if self.body == "signed" and "content-digest" not in covered and has_body(exchange.request):
            missing.append("content-digest")
        if missing:
            raise BadSignature(f"the signature does not cover {', '.join(missing)}")

    async def _use(self, signature: Signature, exchange: Exchange) -> None:
        nonce, lifetimes = signature.parameters.get("nonce"), self._used.lifetimes
        if nonce is None:
            return
        end = float(signature.parameters["created"]) + lifetimes.longest  # when no plan takes it any more
        end = min(end, float(signature.parameters.get("expires", end)) + lifetimes.ahead)
        if not await self._used.first(signature.key_id or "", nonce, end, exchange):
            raise BadSignature("the nonce was used before")

    def _principal(self, signature: Signature) -> Principal:
        key_id = signature.key_id or ""
        key = self.keys[key_id]
        return Principal(
            key.client_id or key_id,
            scopes=frozenset(key.scopes),
            claims=MappingProxyType({"keyid": key_id, "covered": [each.identifier for each in signature.components]}),
            client_id=key.client_id,
            key_type=key.key_type,
        )
