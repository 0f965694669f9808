"""Requests in, answers out: the server's HTTP, apart from what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from apim_sdk import Exchange, HeaderField, Headers, Response
from apim_sdk.body import BodyTooLarge

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.errors import OAuthError, invalid_request

__all__ = ["asked_by_form", "asked_by_query", "empty", "failure", "json_answer", "json_body"]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_LONGEST_FORM: Final = 64 * 1024
_MOST_PARAMETERS: Final = 100
_JSON: Final = HeaderField("Content-Type", "application/json")
_NO_STORE: Final = (HeaderField("Cache-Control", "no-store"), HeaderField("Pragma", "no-cache"))
_NO_SNIFFING: Final = HeaderField("X-Content-Type-Options", "nosniff")


def json_answer(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] = _NOTHING, *, store: bool = False
) -> Response:
    """An answer in JSON, that nobody may store unless told so (RFC 6749, section 5.1)."""
    fields = [_JSON.pair, _NO_SNIFFING.pair]
    if not store:
        fields += [field.pair for field in _NO_STORE]
    answer = Headers.from_raw(fields)
    for name, value in headers.items():
        answer.add(name, value)
    return Response(status, answer, json.dumps(document, separators=(",", ":")).encode())


def empty(status: int = 200, headers: Mapping[str, str] = _NOTHING) -> Response:
    """An answer without a body."""
    answer = Headers.from_raw([field.pair for field in _NO_STORE])
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
    request = exchange.request
    content_type = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    body = await _body(exchange)
    if body and content_type != "application/x-www-form-urlencoded":
        raise invalid_request("send the parameters as application/x-www-form-urlencoded")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise invalid_request("a form is in ASCII") from None
    return _asked(exchange, _parameters(text), url)


def asked_by_query(exchange: Exchange, url: str) -> Asked:
    """A request whose parameters are in its query. Raises OAuthError."""
    return _asked(exchange, _parameters(exchange.request.query_string), url)


async def json_body(exchange: Exchange) -> Mapping[str, Any]:
    """The JSON object in a request. Raises OAuthError."""
    try:
        document = json.loads(await _body(exchange))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise OAuthError("invalid_client_metadata", "the body is no JSON object")
    return document


async def _body(exchange: Exchange) -> bytes:
    try:
        data = exchange.request.body.data
        return await exchange.request.body.read(_LONGEST_FORM) if data is None or len(data) > _LONGEST_FORM else data
    except BodyTooLarge:
        raise OAuthError("invalid_request", "the request is too long", status=413) from None


def _asked(exchange: Exchange, parameters: Mapping[str, str], url: str) -> Asked:
    headers = exchange.request.headers
    tls = exchange.client.tls
    return Asked(
        parameters,
        str(exchange.client.address),
        headers.get("Authorization"),
        None if tls is None else tls.certificate,
        headers.get_all("DPoP"),
        url,
    )


def _parameters(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS, strict_parsing=bool(text)
        )
    except (ValueError, UnicodeDecodeError):
        raise invalid_request("the parameters are not well-formed, or too many") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise invalid_request("a parameter comes twice")
    return parameters
