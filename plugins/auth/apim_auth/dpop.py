"""Let in who presents an access token and proves to have the key that it is bound to."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, ClassVar, Final, Literal, get_args

import attrs
from apim_sdk import Authenticator, Context, Credential, Duration, Exchange, Principal, Reject, Secret, errors, state

from apim_auth.acceptance import unknowable
from apim_auth.binding import CERTIFICATE, KEY, check_certificate
from apim_auth.claims import InvalidClaims
from apim_auth.dpop_nonce import Nonces
from apim_auth.dpop_replay import ProofStore, SeenProofs, TooManyProofs
from apim_auth.judged_again import first_use
from apim_auth.jwt import JWT, Algorithm
from apim_auth.oauth2 import OAuth2
from apim_auth.tokens import TokenAuthenticator
from apim_auth.verified import Verified

__all__ = ["DPoP"]

_CHALLENGE: Final = f'DPoP realm="apim", algs="{" ".join(get_args(Algorithm))}"'
_OWN: Final = ("header", "query", "cookie", "forward", "bound")
"""Settings of how a bearer token comes and goes, which are none of a token's that comes with a proof."""


def _url(instance: Any, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None and not value.startswith(("https://", "http://")):
        raise ValueError(f"{value!r} is no URL: write https://api.example")


@attrs.frozen
class DPoP(Authenticator):
    """Lets in who presents an access token with a proof of possession of its key (RFC 9449).

    The token comes as `Authorization: DPoP ...` and is judged as `jwt` or `oauth2` would; the proof comes in the header
    `DPoP`, is good for one request, and must be by the key that the token is bound to (`cnf.jkt`).
    """

    challenge: ClassVar[str | None] = _CHALLENGE
    example: ClassVar[Any] = {"jwt": {"key_manager": "main", "audience": ["orders"]}, "base_url": "https://api.example"}

    jwt: JWT | None = None
    """How tokens are judged that are JSON Web Tokens: settings of `jwt`."""
    oauth2: OAuth2 | None = None
    """How tokens are judged that their server is asked of: settings of `oauth2`. One of the two."""
    base_url: str | None = attrs.field(default=None, validator=_url)
    """What URLs of this gateway begin with for its clients, before the path: `https://api.example`. Without it, scheme
    and host of the request count, of which a client may choose the host."""
    lifetime: Duration = attrs.field(default=Duration("60s"), validator=attrs.validators.gt(Duration(0)))
    """How long a proof is good from when it was made."""
    leeway: Duration = Duration("10s")
    """How far a client's clock may be ahead of this one."""
    nonce: bool = False
    """Whether proofs must hold a nonce that the gateway hands out, so that none can be made long beforehand. Clients
    get one with a 401 (`use_dpop_nonce`), and a new one each `nonce_lifetime`."""
    nonce_lifetime: Duration = attrs.field(default=Duration("5m"), validator=attrs.validators.gt(Duration(0)))
    """How long a nonce is good, at least."""
    nonce_secret: Secret | None = None
    """What nonces are made with; all processes and nodes must have the same. Without it, each process makes one up."""
    store: str | None = None
    """Store that remembers which proofs were seen, for all that use it; without it, each process remembers its own."""
    on_store_error: Literal["closed", "local", "open"] = "closed"
    """What becomes of requests while the store is away: `closed` answers 503, `local` remembers in this process,
    `open` lets proofs be used again."""
    max_proofs: int = attrs.field(default=500_000, validator=attrs.validators.ge(1))
    """How many proofs a process remembers, at about 100 bytes each; where there is no room for more, it answers 503."""
    forward: bool = False
    """Whether the endpoint gets to see token and proof."""
    _tokens: TokenAuthenticator = state()
    _local: SeenProofs = state()
    _leave: Callable[[], None] | None = state()
    _shared: ProofStore | None = state()
    _nonces: Nonces | None = state()
    _now: Callable[[], float] = state()
    _count_full: Callable[..., None] = state()

    def __attrs_post_init__(self) -> None:
        tokens = self.jwt or self.oauth2
        if tokens is None or (self.jwt is not None and self.oauth2 is not None):
            raise ValueError("say how tokens are judged: `jwt` or `oauth2`, with their settings")
        for field in attrs.fields(type(tokens)):
            if field.name in _OWN and getattr(tokens, field.name) != field.default:
                raise ValueError(f"`{field.name}` is for bearer tokens: leave it out here")
        if self.nonce_secret is not None and len(self.nonce_secret.reveal()) < 16:
            raise ValueError("the `nonce_secret` is too short: take 16 random characters or more")
        self.hold(_tokens=tokens)

    async def start(self, context: Context) -> None:
        await self._tokens.start(context)
        now = context.clock.now
        # Shared, so that a reload makes no proof good once more, whatever it changes.
        local = await context.shared("dpop proofs", lambda: SeenProofs(context.clock))
        if self.store is not None:
            shared = ProofStore(context.store(self.store), local, self.max_proofs, self.on_store_error)
            self.hold(_shared=shared)
        if self.nonce:
            own = await context.shared("dpop nonces", lambda: secrets.token_bytes(32))
            secret = own if self.nonce_secret is None else self.nonce_secret.reveal().encode()
            self.hold(_nonces=Nonces(secret, self.nonce_lifetime, now))
        count_full = context.metrics.counter(
            "apim_dpop_full_total", "Requests that were refused since no more proofs could be remembered"
        )
        leave = local.lifetimes.join(self.lifetime, self.leeway)
        self.hold(_local=local, _leave=leave, _now=now, _count_full=count_full)

    async def stop(self) -> None:
        if self._leave is not None:
            self._leave()
            self.hold(_leave=None)
        await self._tokens.stop()

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.combined(b"authorization")
        if value is None or value[:5].lower() != b"dpop ":
            return None
        token = value[5:].strip(b" ").decode("latin-1")
        return Credential("dpop", Secret(token)) if token else None

    def judge(self, credential: Credential, exchange: Exchange) -> Principal | Awaitable[Principal]:
        token = credential.value.reveal()
        try:
            verified = self._tokens.examine(token)
        except Reject as refusal:
            raise _challenged(refusal) from refusal
        if isinstance(verified, Verified) and self._shared is None:
            digest = self._prove(verified, token, exchange)
            return self._fresh(self._first_here(digest), digest, verified, exchange)
        return self._later(verified, token, exchange)

    async def _later(self, asked: Verified | Awaitable[Verified], token: str, exchange: Exchange) -> Principal:
        try:
            verified = await asked if isawaitable(asked) else asked
        except Reject as refusal:
            raise _challenged(refusal) from refusal
        digest = self._prove(verified, token, exchange)
        if self._shared is None:
            return self._fresh(self._first_here(digest), digest, verified, exchange)
        try:
            return self._fresh(await self._shared.add(digest), digest, verified, exchange)
        except TooManyProofs as error:
            raise self._full() from error
        except OSError as error:
            raise unknowable(f"the store cannot say whether the proof was seen before: {error}") from error

    def _prove(self, verified: Verified, token: str, exchange: Exchange) -> bytes:
        """The digest of the request's proof, if it is good for token, request and moment. Raises Reject."""
        from apim_auth.dpop_proof import Proof, normal_url  # which loads a library for cryptography
        from apim_auth.jws import InvalidSignature

        request = exchange.request
        confirmation = verified.confirmation or {}
        if KEY not in confirmation:
            raise _refused("invalid_token", "the token is not bound to a key (cnf.jkt)")
        proofs = request.headers.values_of(b"dpop")
        if len(proofs) != 1:
            raise _refused("invalid_dpop_proof", f"there are {len(proofs)} proofs where there must be one")
        base = self.base_url.rstrip("/") if self.base_url else f"{request.scheme}://{request.host}"
        try:
            if CERTIFICATE in confirmation:
                check_certificate(confirmation[CERTIFICATE], exchange, self._tokens.certificate_header)
            proof = Proof.verified(
                proofs[0].decode("latin-1"),
                thumbprint=confirmation[KEY],
                method=request.method,
                url=normal_url(base + request.path),
                token=token,
            )
        except (InvalidClaims, InvalidSignature) as error:
            raise _refused("invalid_dpop_proof", str(error)) from error
        if self._nonces is not None and not self._nonces.accepts(proof.nonce):
            raise _refused("use_dpop_nonce", "the proof has no nonce that is good now", self._nonces.current())
        if self._nonces is not None and not self._nonces.is_current(proof.nonce):
            exchange.before_answer(self._hand_out_nonce)
        now = self._now()
        lifetime = self._local.lifetimes.of(proof.issued_at, self.lifetime)
        if not now - lifetime < proof.issued_at <= now + self.leeway:
            raise _refused("invalid_dpop_proof", "the proof is not of now (iat)")
        return proof.digest

    def _hand_out_nonce(self, exchange: Exchange) -> None:
        """Tell the client the next nonce before it needs it (RFC 9449, section 8.2)."""
        if self._nonces is not None and exchange.response is not None:
            exchange.response.headers.set("DPoP-Nonce", self._nonces.current())

    def _first_here(self, digest: bytes) -> bool:
        try:
            return self._local.add(digest, self.max_proofs)
        except TooManyProofs as error:
            raise self._full() from error

    def _full(self) -> Reject:
        self._count_full()
        return unknowable(f"{self.max_proofs} proofs are remembered, there is no room for more")

    @staticmethod
    def _fresh(first: bool, digest: bytes, verified: Verified, exchange: Exchange) -> Principal:
        if not first_use(exchange, digest, first=first):
            raise _refused("invalid_dpop_proof", "the proof was seen before (jti)")
        return verified.principal

    def conceal(self, exchange: Exchange) -> None:
        if not self.forward:
            exchange.request.headers.discard(b"authorization")
            exchange.request.headers.discard(b"dpop")


def _headers(error: str, nonce: str | None = None) -> Mapping[str, str]:
    """The challenge of a refusal (RFC 9449, sections 7.1 and 9)."""
    challenge = {"WWW-Authenticate": f'{_CHALLENGE}, error="{error}"'}
    return challenge if nonce is None else {**challenge, "DPoP-Nonce": nonce, "Cache-Control": "no-store"}


def _refused(error: str, reason: str, nonce: str | None = None) -> Reject:
    return Reject(errors.INVALID_CREDENTIALS, headers=_headers(error, nonce), detail=reason)


def _challenged(refusal: Reject) -> Reject:
    """The refusal of a token as one of this scheme."""
    headers = _headers("invalid_token") if "WWW-Authenticate" in refusal.headers else refusal.headers
    return Reject(refusal.kind, refusal.description, headers=headers, detail=refusal.detail)
