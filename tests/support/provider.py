"""A real authorization server on loopback: ``oidc-provider``, a certified one, in a process of its own.

    with provider() as server:
        server.issuer                                    # what its tokens carry as `iss`
        server.token("shop", "orders.read")              # a JWT for the audience `orders`, or opaque=True
        server.dpop_token("shop", "orders.read", key)    # bound to a key (RFC 9449)
        server.login("anna")["access_token"]             # a user's, by authorization code, PKCE and PAR
        server.rotate()                                  # a new signing key; retire=True forgets the old one at once

``provider(certificates)`` serves https: its tokens can be bound to a client certificate (RFC 8705), which ``token``
shows with ``certificate=(file, key file)``. Everything here blocks; in a coroutine call it by ``asyncio.to_thread``.

Clients there are: ``gateway`` and ``gateway-post`` (may introspect all), ``shop``, ``shop-post`` (secret in the form,
may read only), ``shop-exchange`` (token exchange), ``shop-web`` (authorization code, PAR).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import shutil
import ssl
import subprocess
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import attrs
import pytest
from joserfc import jwt

from support.authority import Certificates

__all__ = ["INITIAL_ACCESS_TOKEN", "RESOURCE", "SECRET", "Provider", "Refused", "dpop_proof", "provider"]

PEERS = Path(__file__).resolve().parents[1] / "peers"
RESOURCE = "urn:orders"
SECRET = "a secret of the tests, which nobody else uses"
INITIAL_ACCESS_TOKEN = "initial-access-token-of-the-tests"
_START = 30.0
"""Seconds that it may take to start."""


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, content: Any) -> None:
        super().__init__(f"{status} {content}")
        self.status = status
        self.content = content


@attrs.frozen
class Provider:
    """The server, while it runs."""

    issuer: str
    control: int
    certificates: Certificates | None = None

    def token(
        self,
        client: str = "shop",
        scope: str = "orders.read",
        *,
        opaque: bool = False,
        certificate: tuple[Path, Path] | None = None,
        headers: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> str:
        """An access token by client credentials, or by another ``grant_type``. Raises Refused."""
        form = {"grant_type": "client_credentials", "scope": scope, **parameters}
        if not opaque:
            form.setdefault("resource", RESOURCE)
        token: str = self.post("/token", form, client, certificate=certificate, headers=headers)["access_token"]
        return token

    def dpop_token(self, client: str, scope: str, key: Any, **parameters: str) -> str:
        """An access token that is bound to ``key``, a private key of joserfc."""
        return self.token(
            client, scope, headers={"DPoP": dpop_proof(key, "POST", f"{self.issuer}/token")}, **parameters
        )

    def login(self, subject: str, scope: str = "openid offline_access orders.read", client: str = "shop-web") -> Any:
        """What a user's login brings: ``access_token`` (a JWT for `orders`), ``refresh_token``, ``id_token``.

        By authorization code with PKCE (RFC 7636), the request pushed beforehand (RFC 9126).
        """
        verifier, callback = secrets.token_urlsafe(48), "https://shop.example/callback"
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        request = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": callback,
            "scope": scope,
            "resource": RESOURCE,
            "prompt": "login",
            "login_hint": subject,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        pushed = self.post("/request", request, client)["request_uri"]
        place, cookies = f"/auth?{urlencode({'client_id': client, 'request_uri': pushed})}", {}
        for _ in range(5):
            if not place.startswith(callback):
                place = self._follow(place.removeprefix(self.issuer), cookies)
        assert place.startswith(callback), f"the login ends at {place}"
        (code,) = parse_qs(urlsplit(place).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
        return self.post("/token", {**form, "resource": RESOURCE}, client)

    def _follow(self, place: str, cookies: dict[str, str]) -> str:
        """Where a page sends the browser."""
        with contextlib.closing(self._connect()) as connection:
            connection.request("GET", place, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
            response = connection.getresponse()
            response.read()
            for header in response.headers.get_all("Set-Cookie", []):
                name, _, value = header.partition(";")[0].partition("=")
                cookies[name] = value
            location = response.headers["Location"]
            assert location is not None, f"{place} answers {response.status}"
            return location

    def post(
        self,
        path: str,
        form: Mapping[str, str],
        client: str = "shop",
        *,
        certificate: tuple[Path, Path] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer to a form from a client that shows its secret. Raises Refused."""
        pair = f"{quote_plus(client)}:{quote_plus(SECRET)}"
        sent = {
            "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            **(headers or {}),
        }
        return _answer(self._connect(certificate), path, urlencode(form), sent)

    def _connect(self, certificate: tuple[Path, Path] | None = None) -> http.client.HTTPConnection:
        parts = urlsplit(self.issuer)
        assert parts.hostname is not None
        if self.certificates is None:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        context = ssl.create_default_context(cafile=self.certificates.ca)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=context)

    def rotate(self, *, retire: bool = False) -> Sequence[str]:
        """Sign by a new key from now on; the old one stays published unless it is to ``retire``. The ``kid`` of all."""
        found: Sequence[str] = self._command("/rotate", retire=retire)["key_ids"]
        return found

    def count(self, path: str) -> int:
        """How often a path was asked for, such as ``/jwks``."""
        number: int = self._command("/count", path=path)["count"]
        return number

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Cut every connection until the block ends."""
        self._command("/pause", paused=True)
        try:
            yield
        finally:
            self._command("/pause", paused=False)

    def _command(self, command: str, **content: Any) -> Any:
        return _answer(
            http.client.HTTPConnection("127.0.0.1", self.control, timeout=10), command, json.dumps(content), {}
        )


@contextlib.contextmanager
def provider(certificates: Certificates | None = None, clients: Sequence[Mapping[str, Any]] = ()) -> Iterator[Provider]:
    """The server, over https with ``certificates``, with more ``clients`` (RFC 7591 metadata with id and secret)."""
    settings: dict[str, Any] = {"clients": list(clients)}
    if certificates is not None:
        names = ("certificate", "key", "ca")
        settings["tls"] = {name: str(getattr(certificates, name)) for name in names}
    process = subprocess.Popen(
        [_node(), str(PEERS / "provider.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        started = json.loads(process.stdout.readline() or "null")
        assert started is not None, f"oidc-provider ended with {process.wait(_START)}"
        yield Provider(started["issuer"], started["control"], certificates)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dpop_proof(key: Any, method: str, url: str, **claims: Any) -> str:
    """A proof that the sender has ``key`` (RFC 9449, section 4.2)."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    content = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16), **claims}
    return jwt.encode(header, content, key)


def _answer(connection: http.client.HTTPConnection, path: str, body: str, headers: Mapping[str, str]) -> Any:
    with contextlib.closing(connection):
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        content = json.loads(response.read() or b"{}")
        if response.status >= 400:
            raise Refused(response.status, content)
        return content


def _node() -> str:
    """Node.js, the one that was installed beside the server if the system's is too old."""
    brought = sorted(PEERS.glob("node_modules/node-linux-*/bin/node"))
    found = str(brought[0]) if brought else shutil.which("node")
    if found is None or not (PEERS / "node_modules/oidc-provider").is_dir():
        _missing()
    return found


def _missing() -> NoReturn:
    pytest.fail("oidc-provider is not installed: run tests/peers/install, as `make test` does")
