"""A stand-in for WSO2 Identity Server 7: answers, and refuses, as its published interfaces say.

Dynamic Client Registration 1.1, the OAuth 2.0 endpoints, API resources (API server 1.0), roles and `Me` (SCIM 2.0).
Administrators come by Basic authentication, or by a TLS certificate with the header WSO2-Identity-User.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from secrets import token_urlsafe
from typing import Any
from urllib.parse import unquote_plus

import attrs
from aiohttp import web

from support.tokens import key, public, signed

ADMIN = ("apim", "the password of apim")
USERS = {"anna": {"id": "u-1", "userName": "anna", "name": {"givenName": "Anna", "familyName": "Lee"}}}
RESOURCES = "/api/server/v1/api-resources"
ROLES = "/scim2/v2/Roles"
DCR = "/api/identity/oauth2/dcr/v1.1/register"
SCIM = "urn:ietf:params:scim:api:messages:2.0"


@attrs.define
class WSO2ISServer:
    """The server's state, which a test reads and changes."""

    url: str = ""
    clients: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    resources: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    roles: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    tokens: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    refuses_system_roles: bool = True
    """A role's name may not begin with ``system_`` unless the server is configured to take that."""
    hides_secrets: bool = False
    """Whether it keeps secrets hashed, so that it does not show them again."""
    busy: int = 0
    """How many requests of administrators it still answers with 429."""
    broken: bool = False
    """Whether a proxy in front answers with its own page."""
    seen: list[tuple[str, str]] = attrs.field(factory=list)
    times: list[float] = attrs.field(factory=list)

    def issue(self, client_id: str, scope: str = "", user: str | None = None, kind: str = "Bearer") -> str:
        """An access token of a client, of the type that it was registered for."""
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/oauth2/token",
            "sub": user or client_id,
            "aut": "APPLICATION_USER" if user else "APPLICATION",
            "aud": client_id,
            "azp": client_id,
            "client_id": client_id,
            "scope": scope,
            "iat": now,
            "nbf": now,
            "exp": now + int(self.clients[client_id].get("ext_application_token_lifetime", 3600)),
            "jti": token_urlsafe(8),
        }
        if self.clients[client_id].get("token_type_extension") == "JWT" and kind == "Bearer":
            token = signed(claims, {"typ": "at+jwt"}, with_key=key("is", "RSA", 2048), alg="RS256")
        else:
            token = token_urlsafe(24)
        self.tokens[token] = {**claims, "token_type": kind, "username": user or ""}
        return token

    def add_role(self, name: str, *permissions: str) -> None:
        """A role that is there already."""
        identifier = f"r-{len(self.roles) + 1}"
        shown = [{"value": each, "display": each} for each in permissions]
        self.roles[identifier] = {"id": identifier, "displayName": name, "permissions": shown}

    def permissions(self) -> dict[str, list[str]]:
        """What each role may, by its name."""
        return {
            role["displayName"]: sorted(each["value"] for each in role["permissions"]) for role in self.roles.values()
        }


@contextlib.asynccontextmanager
async def wso2_is(tls: ssl.SSLContext | None = None) -> AsyncIterator[WSO2ISServer]:
    """Serve until the block ends; with TLS a certificate that the context's CA vouches for stands for a password."""
    server = WSO2ISServer()
    handlers = _Handlers(server)
    application = web.Application(middlewares=[handlers.middleware])
    application.add_routes(
        [
            web.get("/oauth2/jwks", handlers.jwks),
            web.get("/oauth2/token/.well-known/openid-configuration", handlers.discovery),
            web.post("/oauth2/token", handlers.token),
            web.post("/oauth2/introspect", handlers.introspect),
            web.post("/oauth2/revoke", handlers.revoke),
            web.get("/scim2/Me", handlers.me),
            web.post(DCR, handlers.register),
            web.route("*", DCR + "/{id}", handlers.client),
            web.route("*", RESOURCES, handlers.all_resources),
            web.patch(RESOURCES + "/{id}", handlers.add_scopes),
            web.get(RESOURCES + "/{id}/scopes", handlers.scopes),
            web.post(ROLES, handlers.make_role),
            web.post(ROLES + "/.search", handlers.search_roles),
            web.patch(ROLES + "/{id}", handlers.patch_role),
        ]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.url = f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _error(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)


def _api_error(status: int, code: str, message: str) -> web.Response:
    content = {"code": code, "message": message, "description": f"{message} ({code})", "traceId": token_urlsafe(8)}
    return web.json_response(content, status=status)


def _scim_error(status: int, detail: str, kind: str | None = None) -> web.Response:
    content = {"schemas": [f"{SCIM}:Error"], "detail": detail, "status": str(status)}
    if kind is not None:
        content["scimType"] = kind
    return web.json_response(content, status=status, content_type="application/scim+json")


class _Handlers:
    def __init__(self, server: WSO2ISServer) -> None:
        self._server = server

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        server = self._server
        server.seen.append((request.method, request.path_qs))
        server.times.append(time.monotonic())
        if server.broken:
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        managed = request.path.startswith(("/api/", ROLES)) or request.path == "/oauth2/introspect"
        if managed:
            if not self._is_administrator(request):
                return web.json_response(
                    {"code": "401", "message": "Unauthorized", "description": "Authentication failure"},
                    status=401,
                    headers={"WWW-Authenticate": 'Basic realm="is"'},
                )
            if server.busy:
                server.busy -= 1
                return web.Response(status=429, headers={"Retry-After": "1"})
            wanted = "application/x-www-form-urlencoded" if "introspect" in request.path else "application/json"
            if request.can_read_body and request.content_type != wanted:
                return web.Response(status=415)
        answer: web.StreamResponse = await handler(request)
        return answer

    def _is_administrator(self, request: web.Request) -> bool:
        if request.transport is not None and request.transport.get_extra_info("peercert"):
            return request.headers.get("WSO2-Identity-User") == ADMIN[0]
        return request.headers.get("Authorization") == "Basic " + b64encode(":".join(ADMIN).encode()).decode()

    def _client_of(self, request: web.Request, form: Any) -> str | None:
        """The client that authenticates, None if it does not."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = (unquote_plus(part) for part in b64decode(value).decode().partition(":"))
            found = self._server.clients.get(name)
            return name if found is not None and found["client_secret"] == secret else None
        name = form.get("client_id", "")
        found = self._server.clients.get(name)
        return name if found is not None and found.get("ext_public_client") else None

    async def jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [public("is", "RSA", 2048, use="sig", alg="RS256")]})

    async def discovery(self, request: web.Request) -> web.Response:
        url = self._server.url
        return web.json_response({"issuer": f"{url}/oauth2/token", "token_endpoint": f"{url}/oauth2/token"})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = self._client_of(request, form)
        if name is None:
            return _error(401, "invalid_client", "A valid OAuth client could not be found for client_id")
        grant = form.get("grant_type")
        if grant not in self._server.clients[name]["grant_types"]:
            return _error(400, "unauthorized_client", f"The client is not authorized to use {grant}")
        user = str(form["username"]) if grant == "password" else None
        scope = str(form.get("scope", ""))
        content = {
            "access_token": self._server.issue(name, scope, user),
            "scope": scope,
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        if user:
            content["refresh_token"] = self._server.issue(name, scope, user, kind="Refresh")
        return web.json_response(content)

    async def introspect(self, request: web.Request) -> web.Response:
        form = await request.post()
        found = self._server.tokens.get(str(form.get("token")))
        return web.json_response({"active": False} if found is None else {"active": True, **found})

    async def revoke(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = self._client_of(request, form)
        if name is None:
            return _error(401, "invalid_client", "Client Authentication failed.")
        found = self._server.tokens.get(str(form.get("token")))
        if found is not None and found["azp"] == name:
            del self._server.tokens[str(form.get("token"))]
        return web.Response(status=200)

    async def me(self, request: web.Request) -> web.Response:
        found = self._server.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if found is None or found["sub"] not in USERS:
            return _scim_error(401, "Not authorized")
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            **USERS[found["sub"]],
            "emails": ["anna@shop.example"],
            "roles": [{"value": "r-1", "display": "everyone"}],
        }
        return web.json_response(user, content_type="application/scim+json")

    # Clients

    def _shown(self, client: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in client.items() if name != "client_secret" or not self._hidden()}

    def _hidden(self) -> bool:
        return self._server.hides_secrets

    def _problem(self, content: Any, name: str | None = None) -> web.Response | None:
        """What is wrong with a registration or a change, if something is."""
        if not isinstance(content, dict) or not content.get("client_name"):
            return _error(400, "invalid_client_metadata", "The client_name is required")
        grants = content.get("grant_types", [])
        if {"authorization_code", "implicit"} & set(grants) and not content.get("redirect_uris"):
            return _error(400, "invalid_client_metadata", "RedirectUris property must have at least one URI value")
        if any("#" in uri for uri in content.get("redirect_uris", [])):
            return _error(400, "invalid_redirect_uri", "Invalid redirect URI")
        same = (other for other in self._server.clients.values() if other["client_name"] == content["client_name"])
        if any(other["client_id"] != name for other in same):
            text = f"Application with the name {content['client_name']} already exist in the system"
            return _error(409, "invalid_client_metadata", text)
        return None

    async def register(self, request: web.Request) -> web.Response:
        content = await request.json()
        problem = self._problem(content)
        if problem is not None:
            return problem
        secret = token_urlsafe(12)
        client = {**content, "client_id": token_urlsafe(9), "client_secret": secret, "client_secret_expires_at": 0}
        if len(content.get("redirect_uris", [])) > 1:
            client["redirect_uris"] = [f"regexp=({'|'.join(content['redirect_uris'])})"]
        self._server.clients[client["client_id"]] = client
        return web.json_response(client, status=201)

    async def client(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        found = self._server.clients.get(name)
        if found is None:
            return _error(404, "invalid_client_id", f"Application not found with the client_id: {name}")
        if request.method == "DELETE":
            del self._server.clients[name]
            return web.Response(status=204)
        if request.method == "PUT":
            content = await request.json()
            problem = self._problem(content, name)
            if problem is not None:
                return problem
            found.update(content)
        return web.json_response(self._shown(found))

    # API resources

    async def all_resources(self, request: web.Request) -> web.Response:
        resources = self._server.resources
        if request.method == "GET":
            wanted = request.query.get("filter", "").removeprefix("identifier eq ")
            found = [each for each in resources.values() if each["identifier"] == wanted]
            return web.json_response({"totalResults": len(found), "links": [], "apiResources": found})
        content = await request.json()
        if any(each["identifier"] == content["identifier"] for each in resources.values()):
            return _api_error(409, "API-RESOURCE-60001", "API resource already exists.")
        identifier = f"a-{len(resources) + 1}"
        resources[identifier] = {**content, "id": identifier, "type": "BUSINESS"}
        return web.json_response(resources[identifier], status=201)

    async def add_scopes(self, request: web.Request) -> web.Response:
        resource = self._server.resources.get(request.match_info["id"])
        if resource is None:
            return _api_error(404, "API-RESOURCE-60002", "API resource not found.")
        added = (await request.json())["addedScopes"]
        if {each["name"] for each in added} & {each["name"] for each in resource["scopes"]}:
            return _api_error(409, "API-RESOURCE-60003", "Scope already exists.")
        resource["scopes"] += added
        return web.Response(status=204)

    async def scopes(self, request: web.Request) -> web.Response:
        return web.json_response(self._server.resources[request.match_info["id"]]["scopes"])

    # Roles

    def _unknown(self, permissions: list[dict[str, str]]) -> list[str]:
        known = {scope["name"] for each in self._server.resources.values() for scope in each["scopes"]}
        return [each["value"] for each in permissions if each["value"] not in known]

    async def make_role(self, request: web.Request) -> web.Response:
        content = await request.json()
        name, permissions = content["displayName"], content["permissions"]
        if name.startswith("system_") and self._server.refuses_system_roles:
            return _scim_error(400, f"Invalid role name: {name}. Prefix: system_, is not allowed", "invalidValue")
        if any(role["displayName"] == name for role in self._server.roles.values()):
            return _scim_error(409, f"Role with name: {name} already exists.", "uniqueness")
        if unknown := self._unknown(permissions):
            return _scim_error(400, f"Permission: {unknown[0]} not found", "invalidValue")
        self._server.add_role(name, *(each["value"] for each in permissions))
        return web.json_response({"displayName": name}, status=201, content_type="application/scim+json")

    async def search_roles(self, request: web.Request) -> web.Response:
        content = await request.json()
        if content.get("schemas") != [f"{SCIM}:SearchRequest"]:
            return _scim_error(400, "The schema is no SearchRequest", "invalidSyntax")
        start, count = content.get("startIndex", 1), content.get("count", 10)
        listed = list(self._server.roles.values())
        page = listed[start - 1 : start - 1 + count]
        found = {"totalResults": len(listed), "startIndex": start, "itemsPerPage": len(page), "Resources": page}
        return web.json_response({"schemas": [f"{SCIM}:ListResponse"], **found}, content_type="application/scim+json")

    async def patch_role(self, request: web.Request) -> web.Response:
        role = self._server.roles.get(request.match_info["id"])
        if role is None:
            return _scim_error(404, "Role not found")
        content = await request.json()
        (operation,) = content["Operations"]
        if content["schemas"] != [f"{SCIM}:PatchOp"] or operation["op"] != "replace":
            return _scim_error(400, "Operation is not supported", "invalidSyntax")
        permissions = operation["value"]["permissions"]
        if unknown := self._unknown(permissions):
            return _scim_error(400, f"Permission: {unknown[0]} not found", "invalidValue")
        role["permissions"] = permissions
        return web.json_response(role, content_type="application/scim+json")
