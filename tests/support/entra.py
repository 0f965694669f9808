"""A stand-in for Microsoft Entra ID and Microsoft Graph: answers, and refuses, as the originals are documented to do.

One server plays both. What was made is not seen at once: ``lag`` requests that build on it are refused first.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import attrs
from aiohttp import web

from support.tokens import key, public, signed

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GATEWAY = "11112222-bbbb-3333-cccc-4444dddd5555"
SECRET = "the secret of the gateway"
MOST_SECRETS = 2


@attrs.define
class EntraServer:
    """The directory's state, which a test reads and changes."""

    url: str = ""
    applications: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    """By object id; ``passwordCredentials`` have their ``secretText``, which is shown only once."""
    principals: list[str] = attrs.field(factory=list)
    """Application ids that have a service principal."""
    lag: int = 0
    """How many requests do not see yet what was made before them, at each step."""
    busy: int = 0
    """How many requests to Graph are still answered with 429."""
    forbidden: bool = False
    """Whether the gateway's application lacks the permission to manage others."""
    graph_tokens: set[str] = attrs.field(factory=set)
    seen: list[tuple[str, str]] = attrs.field(factory=list)
    _unseen: dict[str, int] = attrs.field(factory=dict)

    def made(self, what: str) -> None:
        """Something was made; it is not to be seen yet."""
        self._unseen[what] = self.lag

    def sees(self, what: str) -> bool:
        """Whether a request that needs what was made gets to see it."""
        left = self._unseen.get(what, 0)
        self._unseen[what] = max(0, left - 1)
        return left == 0

    def issue(self, application: str, version: str = "2.0", tenant: str = TENANT, **changes: Any) -> str:
        """An access token of an application; claims of None are left out."""
        now = int(time.time())
        named = {"azp": application, "azpacr": "1"} if version == "2.0" else {"appid": application, "appidacr": "1"}
        own = f"{self.url}/{tenant}/v2.0" if version == "2.0" else f"{self.url}/sts/{tenant}/"
        claims = {
            "aud": application if version == "2.0" else f"api://{application}",
            "iss": own,
            "iat": now,
            "nbf": now,
            "exp": now + 3599,
            **named,
            "oid": str(uuid.UUID(int=7)),
            "sub": str(uuid.UUID(int=7)),
            "tid": tenant,
            "ver": version,
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        private = key("consumers" if tenant == CONSUMERS else "entra", "RSA", 2048)
        return signed(kept, {"typ": "JWT", "x5t": private.kid}, with_key=private, alg="RS256")


@contextlib.asynccontextmanager
async def entra() -> AsyncIterator[EntraServer]:
    """Serve until the block ends."""
    server = EntraServer()
    handlers = _Handlers(server)
    application = web.Application(middlewares=[handlers.middleware])
    one = "/v1.0/applications/{id}"
    application.add_routes(
        [
            web.get("/{tenant}/discovery/v2.0/keys", handlers.keys),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", handlers.discovery),
            web.post("/{tenant}/oauth2/v2.0/token", handlers.token),
            web.post("/v1.0/applications", handlers.make),
            web.get("/v1.0/applications(appId='{app}')", handlers.show),
            web.get(one, handlers.show),
            web.patch(one, handlers.change),
            web.delete(one, handlers.remove),
            web.post(one + "/addPassword", handlers.add_password),
            web.post(one + "/removePassword", handlers.remove_password),
            web.post("/v1.0/servicePrincipals", handlers.make_principal),
        ]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _graph_error(status: int, code: str, message: str, **headers: str) -> web.Response:
    inner = {"date": "2026-01-01T00:00:00", "request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
    content = {"error": {"code": code, "message": message, "innerError": inner}}
    return web.json_response(content, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


def _token_error(status: int, error: str, number: int, text: str) -> web.Response:
    content = {
        "error": error,
        "error_description": f"AADSTS{number}: {text} Trace ID: {uuid.uuid4()}",
        "error_codes": [number],
        "timestamp": "2026-01-01 00:00:00Z",
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return web.json_response(content, status=status)


def _missing(identifier: str) -> web.Response:
    text = f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present."
    return _graph_error(404, "Request_ResourceNotFound", text)


class _Handlers:
    def __init__(self, server: EntraServer) -> None:
        self._server = server

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        server = self._server
        server.seen.append((request.method, request.path))
        if request.path.startswith("/v1.0/"):
            refused = self._refused(request)
            if refused is not None:
                return refused
        answer: web.StreamResponse = await handler(request)
        return answer

    def _refused(self, request: web.Request) -> web.Response | None:
        server = self._server
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return _graph_error(401, "InvalidAuthenticationToken", "Access token is empty.")
        if token not in server.graph_tokens:
            return _graph_error(401, "InvalidAuthenticationToken", "Access token validation failure.")
        if server.forbidden:
            text = "Insufficient privileges to complete the operation."
            return _graph_error(403, "Authorization_RequestDenied", text)
        if server.busy:
            server.busy -= 1
            return _graph_error(429, "TooManyRequests", "Too many requests.", Retry_After="1")
        if request.can_read_body and request.content_type != "application/json":
            return _graph_error(415, "UnsupportedMediaType", "The content type is not supported.")
        return None

    async def keys(self, request: web.Request) -> web.Response:
        every, one = f"{self._server.url}/{{tenantid}}/v2.0", f"{self._server.url}/{CONSUMERS}/v2.0"
        found = [(public("entra", "RSA", 2048), every), (public("consumers", "RSA", 2048), one)]
        return web.json_response({"keys": [{**jwk, "use": "sig", "issuer": issuer} for jwk, issuer in found]})

    async def discovery(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        shown = "{tenantid}" if tenant in ("common", "organizations") else tenant
        url = self._server.url
        content = {"issuer": f"{url}/{shown}/v2.0", "jwks_uri": f"{url}/{tenant}/discovery/v2.0/keys"}
        return web.json_response(content)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        name, secret, scope = (form.get(part, "") for part in ("client_id", "client_secret", "scope"))
        if form.get("grant_type") != "client_credentials":
            return _token_error(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if not scope.endswith("/.default"):
            return _token_error(400, "invalid_scope", 1002012, f"The provided value for scope {scope} is not valid.")
        if name == GATEWAY and secret == SECRET:
            token = token_urlsafe(24)
            self._server.graph_tokens.add(token)
        else:
            found = next((each for each in self._server.applications.values() if each["appId"] == name), None)
            if found is None or not self._server.sees(f"principal {name}"):
                text = f"Application with identifier '{name}' was not found in the directory."
                return _token_error(400, "unauthorized_client", 700016, text)
            if secret not in {each["secretText"] for each in found["passwordCredentials"]}:
                return _token_error(401, "invalid_client", 7000215, "Invalid client secret provided.")
            if scope.removesuffix("/.default") not in found["identifierUris"]:
                return _token_error(
                    400, "invalid_resource", 500011, f"The resource principal named {scope} was not found."
                )
            token = self._server.issue(name, f"{found['api']['requestedAccessTokenVersion']}.0")
        return web.json_response(
            {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        )

    async def make(self, request: web.Request) -> web.Response:
        content = await request.json()
        if not content.get("displayName"):
            return _graph_error(
                400, "Request_BadRequest", "A value is required for property 'displayName' of resource."
            )
        unknown = set(content) - {"displayName", "signInAudience", "api", "web", "tags", "notes"}
        if unknown:
            text = f"Invalid property '{sorted(unknown)[0]}'."
            return _graph_error(400, "Request_BadRequest", text)
        application = {
            "id": str(uuid.uuid4()),
            "appId": str(uuid.uuid4()),
            "identifierUris": [],
            "passwordCredentials": [],
            **content,
        }
        self._server.applications[application["id"]] = application
        self._server.made(f"application {application['id']}")
        return web.json_response(_shown(application), status=201)

    def _find(self, request: web.Request) -> dict[str, Any] | None:
        wanted = request.match_info
        for application in self._server.applications.values():
            if wanted.get("id") == application["id"] or wanted.get("app") == application["appId"]:
                return application if self._server.sees(f"application {application['id']}") else None
        return None

    async def show(self, request: web.Request) -> web.Response:
        found = self._find(request)
        return _missing(request.path) if found is None else web.json_response(_shown(found))

    async def change(self, request: web.Request) -> web.Response:
        found = self._find(request)
        if found is None:
            return _missing(request.match_info["id"])
        content = await request.json()
        for uri in content.get("identifierUris", []):
            if uri != f"api://{found['appId']}":
                text = "Values of identifierUris property must use a verified domain of the organization."
                return _graph_error(400, "HostNameNotOnVerifiedDomain", text)
        found.update(content)
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        found = self._server.applications.pop(request.match_info["id"], None)
        if found is None:
            return _missing(request.match_info["id"])
        if found["appId"] in self._server.principals:
            self._server.principals.remove(found["appId"])
        return web.Response(status=204)

    async def add_password(self, request: web.Request) -> web.Response:
        found = self._find(request)
        if found is None:
            return _missing(request.match_info["id"])
        if len(found["passwordCredentials"]) >= MOST_SECRETS:
            return _graph_error(400, "CredentialLimitExceeded", "The application has as many secrets as it may have.")
        wanted = (await request.json()).get("passwordCredential", {})
        now = datetime.now(UTC) + timedelta(seconds=len(found["passwordCredentials"]))
        credential = {
            "keyId": str(uuid.uuid4()),
            "displayName": wanted.get("displayName"),
            "startDateTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "endDateTime": wanted.get("endDateTime") or (now + timedelta(days=730)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "secretText": token_urlsafe(30),
        }
        found["passwordCredentials"].append(credential)
        return web.json_response({**credential, "hint": credential["secretText"][:3]})

    async def remove_password(self, request: web.Request) -> web.Response:
        found = self._find(request)
        if found is None:
            return _missing(request.match_info["id"])
        wanted = (await request.json()).get("keyId")
        kept = [each for each in found["passwordCredentials"] if each["keyId"] != wanted]
        if len(kept) == len(found["passwordCredentials"]):
            return _graph_error(400, "Request_BadRequest", "No credential found to be removed.")
        found["passwordCredentials"] = kept
        return web.Response(status=204)

    async def make_principal(self, request: web.Request) -> web.Response:
        name = (await request.json()).get("appId")
        found = next((each for each in self._server.applications.values() if each["appId"] == name), None)
        if found is None or not self._server.sees(f"application {found['id']}"):
            text = f"The appId '{name}' of the service principal does not reference a valid application object."
            return _graph_error(400, "Request_BadRequest", text)
        if name in self._server.principals:
            text = (
                f"The service principal cannot be created because the service principal name {name} is already in use."
            )
            return _graph_error(409, "Request_MultipleObjectsWithSameKeyValue", text)
        self._server.principals.append(name)
        self._server.made(f"principal {name}")
        return web.json_response({"id": str(uuid.uuid4()), "appId": name}, status=201)


def _shown(application: dict[str, Any]) -> dict[str, Any]:
    """The application without the text of its secrets."""
    hidden = [
        {name: None if name == "secretText" else value for name, value in each.items()}
        for each in application["passwordCredentials"]
    ]
    return {**application, "passwordCredentials": hidden}
