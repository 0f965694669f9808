"""The text that a signature of a request signs (RFC 9421, section 2)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from apim_sdk import Exchange, Request

from apim_auth.http_signature_fields import BadSignature, Component, Signature

__all__ = ["signature_base"]

_DEFAULT_PORTS: Final = MappingProxyType({"http": ":80", "https": ":443"})
_STRUCTURED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accept-ch": "list",
        "cache-status": "list",
        "client-cert": "item",
        "client-cert-chain": "list",
        "content-digest": "dictionary",
        "priority": "dictionary",
        "proxy-status": "list",
        "repr-digest": "dictionary",
        "signature": "dictionary",
        "signature-input": "dictionary",
        "want-content-digest": "dictionary",
        "want-repr-digest": "dictionary",
    }
)
"""Structured fields of requests by the type of their value, for ``sf`` (section 2.1.1)."""


def signature_base(exchange: Exchange, signature: Signature) -> bytes:
    """What was signed (section 2.5). Raises BadSignature where the request has not all of it."""
    lines = [f"{each.identifier}: {_value(exchange.request, each)}" for each in signature.components]
    lines.append(f'"@signature-params": {signature.params_text}')
    if any("\n" in line or "\r" in line for line in lines):
        raise BadSignature("a component holds a line break")
    try:
        return "\n".join(lines).encode("ascii")
    except UnicodeEncodeError:
        raise BadSignature("a component holds more than ASCII letters") from None


def _value(request: Request, component: Component) -> str:
    if component.name.startswith("@"):
        if component.name == "@query-param":
            return _query_param(request, component)
        derive = _DERIVED.get(component.name)
        if derive is None or component.parameters:
            raise BadSignature(f"the component {component.identifier:.80} is not known for requests")
        return derive(request)
    return _field(request, component)


def _authority(request: Request) -> str:
    return request.host.lower().removesuffix(_DEFAULT_PORTS.get(request.scheme, ":"))


def _request_target(request: Request) -> str:
    return f"{request.path}?{request.query_string}" if request.query_string else request.path


_DERIVED: Final[Mapping[str, Callable[[Request], str]]] = MappingProxyType(
    {
        "@authority": _authority,
        "@method": lambda request: request.method,
        "@path": lambda request: request.path,
        "@query": lambda request: f"?{request.query_string}",
        "@request-target": _request_target,
        "@scheme": lambda request: request.scheme,
        "@target-uri": lambda request: f"{request.scheme}://{_authority(request)}{_request_target(request)}",
    }
)


def _query_param(request: Request, component: Component) -> str:
    """A parameter of the query, encoded anew (section 2.2.8)."""
    wanted = component.parameters.get("name")
    if set(component.parameters) != {"name"} or type(wanted) is not str:
        raise BadSignature(f"the component {component.identifier:.80} is not known for requests")
    pairs = parse_qsl(request.query_string, keep_blank_values=True, errors="surrogateescape")
    values = [value for name, value in pairs if _encoded(name) == wanted]
    if len(values) != 1:
        raise BadSignature(f"the query has {len(values)} parameters for {component.identifier:.80}")
    return _encoded(values[0])


def _encoded(text: str) -> str:
    return quote(text, safe="*", errors="surrogateescape").replace("~", "%7E")


def _field(request: Request, component: Component) -> str:
    """A header field: its values as one list, or as the component's parameters want them (section 2.1)."""
    values = [value.strip(b" \t") for value in request.headers.values_of(component.name.encode("ascii", "replace"))]
    if not values:
        raise BadSignature(f"the header {component.name:.80} is not there")
    parameters = component.parameters
    if not parameters:
        return b", ".join(values).decode("latin-1")
    if set(parameters) == {"bs"} and parameters["bs"] is True:
        return ", ".join(f":{b64encode(value).decode('ascii')}:" for value in values)
    if (set(parameters) == {"sf"} and parameters["sf"] is True) or set(parameters) == {"key"}:
        return _structured(component, b", ".join(values))
    raise BadSignature(f"the component {component.identifier:.80} cannot be taken of requests here")


def _structured(component: Component, value: bytes) -> str:
    """A structured field as it is written strictly, or one member of it (sections 2.1.1 and 2.1.2)."""
    from http_sf import StructuredFieldError, parse, ser

    member = component.parameters.get("key")
    kind: Any = "dictionary" if member is not None else _STRUCTURED.get(component.name)
    if kind is None:
        raise BadSignature(f"it is not known how the header {component.name:.80} is structured")
    try:
        parsed: Any = parse(value, tltype=kind)
        return ser(parsed if member is None else _item(parsed[member]))
    except (StructuredFieldError, KeyError, TypeError, ValueError) as error:
        raise BadSignature(f"the header {component.identifier:.80} is not structured as it should be") from error


def _item(member: Any) -> Any:
    """A member of a dictionary as a value of its own: an inner list is the only one of a list."""
    return [member] if isinstance(member[0], list) else member
