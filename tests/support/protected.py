"""An API behind tokens, on real sockets, before a backend that records what reaches it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend

from support.gateway import Answer, Served, serving
from support.tokens import ISSUER, claims, public, signed

__all__ = ["Protected", "fresh", "protected"]


def fresh(**changes: Any) -> dict[str, Any]:
    """The claims of a token that is good now, changed; a claim of None is left out."""
    now = int(time.time())
    return claims(**{"iat": now - 10, "exp": now + 300, **changes})


@attrs.frozen
class Protected:
    """The gateway, and the backend behind it."""

    served: Served
    backend: FakeBackend

    async def get(self, token: str | None, **headers: str) -> Answer:
        """GET with a bearer token; ``_`` in a header's name stands for ``-``."""
        given = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.served.get("/api/x", **given, **headers)

    async def is_open(self) -> bool:
        """Whether a good token still gets through, to tell a refusal from a gateway that refuses everybody."""
        before = len(self.backend.requests)
        answer = await self.get(signed(fresh()))
        return (200, before + 1) == (answer.status, len(self.backend.requests))


TEXT = """\
management: {{enabled: false}}
key_managers:
  main: {{oidc: {{issuer: "{issuer}", jwks: {{file: jwks.json}}}}}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: tokens, subscription: none, authentication: {authentication}}}]
    operations: [{{match: "* /x"}}]
{rest}
"""


@contextlib.asynccontextmanager
async def protected(
    folder: Path, authentication: str = "{jwt: {key_manager: main}}", rest: str = "", keys: Any = None
) -> AsyncIterator[Protected]:
    """Serve the API until the block ends; ``keys`` are those of the issuer."""
    (folder / "jwks.json").write_text(json.dumps({"keys": keys or [public(), public("rsa", "RSA", 2048)]}))
    async with FakeBackend(Reply(200, (), b"hello")) as backend:
        text = TEXT.format(issuer=ISSUER, backend=backend.url, authentication=authentication, rest=rest)
        async with serving(text, folder) as served:
            yield Protected(served, backend)
