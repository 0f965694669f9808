"""Publish the keys by which backends check tokens of the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, Endpoint, Exchange, Headers, Response, state

__all__ = ["JWKS"]


@attrs.frozen
class JWKS(Endpoint):
    """Answers with the public halves of the gateway's signing keys as a JSON Web Key Set (RFC 7517, section 5)."""

    example: ClassVar[Any] = {"max_age": "5m"}

    keys: tuple[Path, ...] = ()
    """PEM files of the keys, as `backend-jwt` has them; without any, the one that it made for itself."""
    max_age: Duration = Duration("10m")
    """How long whoever asks may keep the answer; no new key should sign before that has passed."""
    _document: bytes = state()

    async def start(self, context: Context) -> None:
        from apim_auth.backend_jwt.signing import key_set, signing_keys  # which load a library for cryptography

        self.hold(_document=key_set(await signing_keys(self.keys, context)))

    async def send(self, exchange: Exchange) -> Response:
        headers = Headers(
            [("Content-Type", "application/jwk-set+json"), ("Cache-Control", f"public, max-age={int(self.max_age)}")]
        )
        return Response(200, headers, self._document)
