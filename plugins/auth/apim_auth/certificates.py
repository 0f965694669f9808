"""The certificate of a client: that of its TLS connection, or what a trusted proxy says it was."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, urlsafe_b64encode
from urllib.parse import unquote_to_bytes

from apim_sdk import Exchange

__all__ = ["certificate_of", "fingerprint", "sent_with", "thumbprint"]

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"
_MOST_SENT = 10
_LONGEST_CHAIN = 48 * 1024
"""Characters of a header that holds certificates which vouch for the client's."""


def certificate_of(exchange: Exchange, header: str | None) -> bytes | None:
    """The client's certificate, DER; None if it showed none, ``b""`` if ``header`` holds something that is none.

    Without ``header`` it is the certificate of the TLS connection, for which the listener's ``client_ca`` vouches.
    Where a header is named and the peer is a trusted proxy, only the header counts, since the connection's certificate
    is then the proxy's own; what anybody else writes there is not looked at. An empty one is how a proxy overwrites it
    whose client has shown none.

    The header holds one of: PEM, percent-encoded (nginx's ``$ssl_client_escaped_cert``) or not; DER in base64; a byte
    sequence (``Client-Cert``, RFC 9440, section 2.2). The answer is DER by its looks only: nothing in it is verified.
    """
    client = exchange.client
    if header is not None and client.trusted:
        values = exchange.request.headers.get_all(header)
        if len(values) > 1:
            return b""
        value = values[0].strip() if values else ""
        return _der(value.encode("latin-1")) if value else None
    return None if client.tls is None else client.tls.certificate


def sent_with(exchange: Exchange, header: str | None) -> tuple[bytes, ...]:
    """The certificates that came with the client's, DER by their looks; nothing in them is verified.

    They are those of the TLS connection; where ``header`` is named and the peer is a trusted proxy, those of the header
    of that name with ``-Chain`` (``Client-Cert-Chain``, RFC 9440, section 2.3): a list of byte sequences. Of more than
    ten, or where one is none, nothing is taken.
    """
    client = exchange.client
    if header is None or not client.trusted:
        return () if client.tls is None else client.tls.sent
    text = ",".join(exchange.request.headers.get_all(f"{header}-Chain"))
    members = text.split(",") if text and len(text) <= _LONGEST_CHAIN else []
    if len(members) > _MOST_SENT:
        return ()
    found = tuple(_der(member.strip().encode("latin-1")) for member in members)
    return found if all(found) else ()


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
