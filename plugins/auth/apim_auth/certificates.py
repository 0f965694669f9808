"""The certificate of a client: that of its TLS connection, or what a trusted proxy says it was."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, urlsafe_b64encode
from urllib.parse import unquote_to_bytes

from apim_sdk import Exchange

__all__ = ["certificate_of", "fingerprint", "thumbprint"]

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def certificate_of(exchange: Exchange, header: str | None) -> bytes | None:
    """The client's certificate, DER; None if it showed none, ``b""`` if ``header`` holds something that is none.

    Without ``header`` it is the certificate of the TLS connection, for which the listener's ``client_ca`` vouches.
    Where a header is named and the peer is a trusted proxy, only the header counts, since the connection's certificate
    is then the proxy's own; what anybody else writes there is not looked at.

    The header holds one of: PEM, percent-encoded (nginx's ``$ssl_client_escaped_cert``) or not; DER in base64; a byte
    sequence (``Client-Cert``, RFC 9440, section 2.2). The answer is DER by its looks only: nothing in it is verified.
    """
    client = exchange.client
    if header is not None and client.trusted:
        values = exchange.request.headers.get_all(header)
        if not values:
            return None
        return _der(values[0].strip().encode("latin-1")) if len(values) == 1 else b""
    return None if client.tls is None else client.tls.certificate


def thumbprint(certificate: bytes) -> str:
    """What a token that is bound to the certificate holds as ``x5t#S256`` (RFC 8705, section 3.1)."""
    return urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode("ascii")


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of the certificate in lower-case hexadecimal digits, as ``openssl x509 -fingerprint`` without colons."""
    return hashlib.sha256(certificate).hexdigest()


def _der(value: bytes) -> bytes:
    """DER out of any form in which proxies write a certificate; ``b""`` if it is none of them."""
    if value[:1] == b":":
        text = value[1:-1] if value[-1:] == b":" and len(value) > 1 else b""
    else:
        if b"%" in value:
            value = unquote_to_bytes(value)
        text = b"".join(_without_guards(value).split())
    try:
        data = b64decode(text, validate=True)
    except binascii.Error:
        return b""
    if data.startswith(_BEGIN):
        return _der(data)
    return data if data[:1] == b"\x30" else b""


def _without_guards(value: bytes) -> bytes:
    """What stands between the lines that begin and end the first certificate of PEM; all of it if it is not PEM."""
    value = value.strip()
    if not value.startswith(_BEGIN):
        return value
    body, end, _ = value[len(_BEGIN) :].partition(_END)
    return body if end else b""
