"""The endpoint `authorization-server`: the HTTP interface of a key manager of the kind `resident`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlsplit

import attrs
from apim_sdk import Context, Endpoint, Exchange, Logger, Response, state

from apim_keymanagers.resident.answers import (
    asked_by_form,
    asked_by_query,
    empty,
    failure,
    json_answer,
    json_body,
    token_response,
)
from apim_keymanagers.resident.authorizing import push
from apim_keymanagers.resident.client_authentication import authenticated, identified
from apim_keymanagers.resident.device import device_authorization
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.grants import token_answer
from apim_keymanagers.resident.interaction import authorize, confirm_device
from apim_keymanagers.resident.metadata import metadata_of
from apim_keymanagers.resident.plugin import Resident
from apim_keymanagers.resident.registration import (
    change_client,
    register,
    register_by_name,
    remove_client,
    show_client,
)
from apim_keymanagers.resident.revoking import introspection_answer, revoke_token
from apim_keymanagers.resident.server import Server
from apim_keymanagers.resident.userinfo import bearer_token, userinfo_answer

__all__ = ["AuthorizationServer"]

Handler = Callable[[Server, Exchange], Awaitable[Response]]

_METADATA: Final = "/.well-known/oauth-authorization-server"
_CONFIGURATION: Final = "/.well-known/openid-configuration"


@attrs.frozen
class AuthorizationServer(Endpoint):
    """Answers as an authorization server: it is the HTTP interface of a key manager `resident`.

    Its API is open to everybody (plan `keyless`) and passes on all paths below its context, which is the path of the
    issuer.
    """

    example: ClassVar[Any] = {"key_manager": "resident"}

    key_manager: str
    """Name of the key manager, which must be a `resident`."""
    _server: Server = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        manager = context.key_manager(self.key_manager)
        if not isinstance(manager, Resident):
            raise LookupError(f"the key manager {self.key_manager!r} is no `resident`: there is no server to show")  # noqa: TRY004  # of a name
        self.hold(_server=await manager.open(context), _log=context.log)

    async def send(self, exchange: Exchange) -> Response:
        handlers = _handlers(exchange.endpoint_path) or _at_the_root(self._server, exchange.request.path)
        if handlers is None:
            return json_answer({"error": "not_found"}, 404)
        handler = handlers.get("GET" if exchange.request.method == "HEAD" else exchange.request.method)
        if handler is None:
            return json_answer({"error": "method_not_allowed"}, 405, {"Allow": ", ".join(handlers)})
        try:
            return await handler(self._server, exchange)
        except OAuthError as error:
            return failure(error)
        except OSError as error:
            self._log.error("The store of the authorization server is away", error=str(error))
            return failure(OAuthError("temporarily_unavailable", "try again later", status=503))


def _handlers(path: str) -> Mapping[str, Handler] | None:
    """What answers below the issuer, by method."""
    return _PATHS.get(path) or (_CLIENT if path.startswith("/register/") and path.count("/") == 2 else None)


def _at_the_root(server: Server, path: str) -> Mapping[str, Handler] | None:
    """What is asked for outside of the issuer's path (RFC 8414, section 3.1)."""
    issuer_path = urlsplit(server.issuer).path
    if path in (_METADATA + issuer_path, _CONFIGURATION + issuer_path):
        return _PATHS[_METADATA]
    return _PATHS.get(path)


async def _token(server: Server, exchange: Exchange) -> Response:
    asked = await asked_by_form(exchange, server.url("/token"))
    return token_response(await token_answer(server, asked, await identified(server, asked)))


async def _introspect(server: Server, exchange: Exchange) -> Response:
    asked = await asked_by_form(exchange, server.url("/introspect"))
    return json_answer(await introspection_answer(server, asked, await authenticated(server, asked)))


async def _revoke(server: Server, exchange: Exchange) -> Response:
    asked = await asked_by_form(exchange, server.url("/revoke"))
    client = await identified(server, asked)
    await revoke_token(server, asked.need("token"), client)
    return empty()


async def _device_authorization(server: Server, exchange: Exchange) -> Response:
    asked = await asked_by_form(exchange, server.url("/device_authorization"))
    return json_answer(await device_authorization(server, asked, await identified(server, asked)))


async def _jwks(server: Server, exchange: Exchange) -> Response:
    cache = {"Cache-Control": "public, max-age=300"}
    return json_answer({"keys": [dict(key) for key in server.keys.published]}, headers=cache, store=True)


async def _metadata(server: Server, exchange: Exchange) -> Response:
    return json_answer(await metadata_of(server), headers={"Cache-Control": "public, max-age=300"}, store=True)


async def _par(server: Server, exchange: Exchange) -> Response:
    asked = await asked_by_form(exchange, server.url("/par"))
    client = await identified(server, asked)
    return json_answer(await push(server, asked, client), 201)


async def _userinfo(server: Server, exchange: Exchange) -> Response:
    token = bearer_token(exchange.request.headers.get("Authorization"))
    return json_answer(await userinfo_answer(server, token))


async def _register(server: Server, exchange: Exchange) -> Response:
    asked = asked_by_query(exchange, server.url("/register"))
    return json_answer(await register(server, asked, await json_body(exchange)), 201)


async def _register_by_name(server: Server, exchange: Exchange) -> Response:
    asked = asked_by_query(exchange, server.url("/register"))
    return json_answer(await register_by_name(server, asked, await json_body(exchange)))


async def _show_client(server: Server, exchange: Exchange) -> Response:
    return json_answer(await show_client(server, asked_by_query(exchange, ""), _client_id(exchange)))


async def _change_client(server: Server, exchange: Exchange) -> Response:
    asked, document = asked_by_query(exchange, ""), await json_body(exchange)
    return json_answer(await change_client(server, asked, _client_id(exchange), document))


async def _remove_client(server: Server, exchange: Exchange) -> Response:
    await remove_client(server, asked_by_query(exchange, ""), _client_id(exchange))
    return empty(204)


def _client_id(exchange: Exchange) -> str:
    return unquote(exchange.endpoint_path.rpartition("/")[2])


_CLIENT: Final[Mapping[str, Handler]] = MappingProxyType(
    {"GET": _show_client, "PUT": _change_client, "DELETE": _remove_client}
)
_PATHS: Final[Mapping[str, Mapping[str, Handler]]] = MappingProxyType(
    {
        "/token": {"POST": _token},
        "/introspect": {"POST": _introspect},
        "/revoke": {"POST": _revoke},
        "/device_authorization": {"POST": _device_authorization},
        "/authorize": {"GET": authorize, "POST": authorize},
        "/device": {"GET": confirm_device, "POST": confirm_device},
        "/par": {"POST": _par},
        "/userinfo": {"GET": _userinfo, "POST": _userinfo},
        "/register": {"POST": _register},
        "/client-registration/v0.17/register": {"POST": _register_by_name},
        "/jwks": {"GET": _jwks},
        _METADATA: {"GET": _metadata},
        _CONFIGURATION: {"GET": _metadata},
    }
)
