"""Requests in, answers out: the server's HTTP, apart from what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_plus

from apim_sdk import Exchange, Headers, Response
from apim_sdk.body import Body, BodyTooLarge

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.compact import compact_json
from apim_keymanagers.resident.errors import OAuthError, invalid_request

__all__ = [
    "asked_by_form",
    "asked_by_query",
    "empty",
    "failure",
    "json_answer",
    "json_body",
    "parameters_of",
    "token_response",
]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_LONGEST_FORM: Final = 64 * 1024
_MOST_PARAMETERS: Final = 100
_NO_STORE: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_JSON: Final = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
_OF_EVERY_TOKEN: Final = frozenset({"access_token", "token_type", "expires_in", "scope"})
_EMPTY: Final = Headers(_NO_STORE)
_STORED: Final = Headers(_JSON)
_FRESH: Final = Headers((*_JSON, *_NO_STORE))
_FORM: Final = b"application/x-www-form-urlencoded"


def json_answer(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] = _NOTHING, *, store: bool = False
) -> Response:
    """An answer in JSON, that nobody may store unless told so (RFC 6749, section 5.1)."""
    answer = (_STORED if store else _FRESH).share()
    for name, value in headers.items():
        answer.add(name, value)
    return _response(status, answer, compact_json(document))


def token_response(answer: Mapping[str, Any]) -> Response:
    """A successful answer of the token endpoint (RFC 6749, section 5.1). A token and its type are made of letters that
    JSON has as they are, so only the scope is quoted: that takes a tenth of the time."""
    text = (
        f'{{"access_token":"{answer["access_token"]}","token_type":"{answer["token_type"]}"'
        f',"expires_in":{answer["expires_in"]},"scope":{compact_json(answer["scope"])}'
    )
    if len(answer) == len(_OF_EVERY_TOKEN):
        return _response(200, _FRESH.share(), text + "}")
    more = {name: value for name, value in answer.items() if name not in _OF_EVERY_TOKEN}
    return _response(200, _FRESH.share(), f"{text},{compact_json(more)[1:]}")


def _response(status: int, headers: Headers, text: str) -> Response:
    return Response.arrived(status, headers, Body.arrived(text.encode()), None)


def empty(status: int = 200, headers: Mapping[str, str] = _NOTHING) -> Response:
    """An answer without a body."""
    answer = _EMPTY.share()
    for name, value in headers.items():
        answer.add(name, value)
    return Response(status, answer)


def failure(error: OAuthError) -> Response:
    """An error answer (RFC 6749, section 5.2)."""
    document = {"error": error.error}
    if error.description:
        document["error_description"] = error.description
    return json_answer(document, error.status, error.headers)


async def asked_by_form(exchange: Exchange, url: str) -> Asked:
    """A request whose parameters are in its form. Raises OAuthError."""
    content_type = exchange.request.headers.first(b"content-type") or b""
    body = exchange.request.body.data
    if body is None or len(body) > _LONGEST_FORM:
        body = await _body(exchange)
    if body and content_type != _FORM and content_type.partition(b";")[0].strip().lower() != _FORM:
        raise invalid_request("send the parameters as application/x-www-form-urlencoded")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise invalid_request("a form is in ASCII") from None
    return _asked(exchange, parameters_of(text), url)


def asked_by_query(exchange: Exchange, url: str) -> Asked:
    """A request whose parameters are in its query. Raises OAuthError."""
    return _asked(exchange, parameters_of(exchange.request.query_string), url)


async def json_body(exchange: Exchange) -> Mapping[str, Any]:
    """The JSON object in a request. Raises OAuthError."""
    try:
        text = (await _body(exchange)).decode()
        document = json.loads(text)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # which an unpaired surrogate does not survive
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise OAuthError("invalid_client_metadata", "the body is no JSON object")
    return document


async def _body(exchange: Exchange) -> bytes:
    try:
        return await exchange.request.body.read(_LONGEST_FORM)
    except BodyTooLarge:
        raise OAuthError("invalid_request", "the request is too long", status=413) from None


def _asked(exchange: Exchange, parameters: Mapping[str, str], url: str) -> Asked:
    headers, client = exchange.request.headers, exchange.client
    authorization, proofs = headers.first(b"authorization"), headers.values_of(b"dpop")
    return Asked(
        parameters,
        client.address,
        None if authorization is None else authorization.decode("latin-1"),
        None if client.tls is None else client.tls.certificate,
        tuple(proof.decode("latin-1") for proof in proofs) if proofs else (),
        url,
    )


def parameters_of(text: str) -> dict[str, str]:
    """The parameters of a form or query (WHATWG URL, section 5.1), strictly: no part without ``=``, only UTF-8."""
    parameters: dict[str, str] = {}
    parts = text.split("&", _MOST_PARAMETERS) if text else ()
    if len(parts) > _MOST_PARAMETERS:
        raise invalid_request("there are too many parameters")
    for part in parts:
        name, equals, value = part.partition("=")
        if "%" in part or "+" in part:
            try:
                name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
            except UnicodeDecodeError:
                equals = ""
        if not equals:
            raise invalid_request("the parameters are not well-formed")
        if name in parameters:
            raise invalid_request("a parameter comes twice")
        parameters[name] = value
    return parameters
