"""The signature of a request as draft-cavage-http-signatures-12 writes it, and the text that it signs (section 2)."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

import attrs
from apim_sdk import Request

from apim_auth.http_signature_fields import BadSignature

__all__ = ["DraftSignature", "parse_signature", "signing_string"]

_PARAMETER: Final = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([0-9]{1,15}(?:\.[0-9]{1,9})?))\s*(,|$)')
_KNOWN: Final = frozenset(("keyId", "signature", "algorithm", "created", "expires", "headers"))
_NUMBERS: Final = frozenset(("created", "expires"))
_PSEUDO: Final = frozenset(("(request-target)", "(created)", "(expires)"))
_LONGEST: Final = 8192


@attrs.frozen
class DraftSignature:
    """A signature with its parameters (section 2.1); dates in seconds since the epoch."""

    key_id: str
    value: bytes
    headers: tuple[str, ...]
    """What is signed, in lower case and order."""
    algorithm: str | None = None
    created: int | None = None
    expires: float | None = None


def parse_signature(text: str) -> DraftSignature:
    """A signature out of ``Signature``, or of ``Authorization`` behind its scheme. Raises BadSignature."""
    parameters = _parameters(text)
    try:
        value = b64decode(parameters["signature"], validate=True)
        key_id = parameters["keyId"]
    except (KeyError, ValueError) as error:
        raise BadSignature("the signature has no keyId, or no signature in base64") from error
    headers = tuple(parameters.get("headers", "(created)").lower().split(" "))
    if len(set(headers)) < len(headers) or "" in headers:
        raise BadSignature("the signature covers a header twice, or none")
    created = parameters.get("created")
    if created is not None and not created.isdigit():
        raise BadSignature("created is no whole number of seconds")
    expires = parameters.get("expires")
    return DraftSignature(
        key_id,
        value,
        headers,
        parameters.get("algorithm"),
        None if created is None else int(created),
        None if expires is None else float(expires),
    )


def _parameters(text: str) -> Mapping[str, str]:
    if len(text) > _LONGEST:
        raise BadSignature(f"the signature is longer than {_LONGEST} characters")
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None:
            raise BadSignature("the parameters of the signature cannot be read")
        name, quoted, number, _ = match.groups()
        if name in found or name not in _KNOWN or (quoted is None) != (name in _NUMBERS):
            raise BadSignature(f"the parameter {name} of the signature is there twice, not known, or of another type")
        found[name] = number if quoted is None else quoted
        place = match.end()
    return found


def signing_string(request: Request, signature: DraftSignature, *, with_query: bool) -> bytes:
    """What was signed (section 2.3). Raises BadSignature where the request has not all of it."""
    lines = [f"{name}: {_value(request, signature, name, with_query)}" for name in signature.headers]
    return "\n".join(lines).encode("latin-1")


def _value(request: Request, signature: DraftSignature, name: str, with_query: bool) -> str:
    if name == "(request-target)":
        query = f"?{request.query_string}" if with_query and request.query_string else ""
        return f"{request.method.lower()} {request.path}{query}"
    if name in _PSEUDO:
        value = signature.created if name == "(created)" else signature.expires
        if value is None:
            raise BadSignature(f"the signature covers {name} and does not have it")
        return f"{value:.15g}"
    values = [value.strip(b" \t") for value in request.headers.values_of(name.encode("latin-1", "replace"))]
    if not values:
        raise BadSignature(f"the header {name:.80} is not there")
    return b", ".join(values).decode("latin-1")
