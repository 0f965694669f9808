"""Hold a body against its ``Content-Digest`` (RFC 9530) or the older ``Digest`` (RFC 3230)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from types import MappingProxyType
from typing import Any, Final

from apim_sdk import Request

from apim_auth.http_signature_fields import BadSignature

__all__ = ["check_content_digest", "check_digest", "has_body"]

_ALGORITHMS: Final = MappingProxyType({"sha-256": hashlib.sha256, "sha-512": hashlib.sha512})


def has_body(request: Request) -> bool:
    """Whether the request brings content."""
    return request.body.length != 0


async def check_content_digest(request: Request, most: int) -> None:
    """Read the body and hold it against the digests that are known here, of which there must be one.

    Raises BadSignature where one is another, BodyError where the body does not come whole or has more than ``most``
    bytes.
    """
    from http_sf import StructuredFieldError, parse

    try:
        digests: Any = parse(request.headers.combined(b"content-digest") or b"", tltype="dictionary")
    except StructuredFieldError as error:
        raise BadSignature(f"Content-Digest cannot be read: {error}") from error
    known = [(_ALGORITHMS[name], value[0]) for name, value in digests.items() if name in _ALGORITHMS]
    if not known:
        raise BadSignature("Content-Digest has neither sha-256 nor sha-512")
    body = await request.body.read(most)
    for algorithm, value in known:
        if not isinstance(value, bytes) or not hmac.compare_digest(algorithm(body).digest(), value):
            raise BadSignature("the body is not that of its Content-Digest")


async def check_digest(request: Request, most: int) -> None:
    """The same for the older field. Raises as ``check_content_digest``."""
    text = (request.headers.combined(b"digest") or b"").decode("latin-1")
    pairs = (part.strip().partition("=") for part in text.split(","))
    known = [(_ALGORITHMS[name.lower()], value) for name, _, value in pairs if name.lower() in _ALGORITHMS]
    if not known:
        raise BadSignature("Digest has neither SHA-256 nor SHA-512")
    body = await request.body.read(most)
    for algorithm, value in known:
        if not hmac.compare_digest(b64encode(algorithm(body).digest()), value.encode("latin-1")):
            raise BadSignature("the body is not that of its Digest")
