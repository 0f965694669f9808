"""TLS of a listener: which certificate is shown to whom, and new certificates without a restart."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from apim_core.http.settings import CertificateSettings, TLSSettings

__all__ = ["Certificates"]

_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Certificates:
    """The certificates of one listener.

    ``context`` is what connections are accepted with, and stays the same: as soon as a client has said which name it
    wants, its handshake goes on with the context of that name, of those that were loaded last.
    """

    def __init__(self, settings: TLSSettings) -> None:
        if settings.client_certificate != "none" and settings.client_ca is None:
            raise ValueError("client_certificate needs client_ca: who vouches for the certificates of clients?")
        self._settings = settings
        self.reload()
        self.context = _context(settings, settings.certificates[0])
        self.context.sni_callback = self._choose

    def reload(self) -> None:
        """Read all files again. If one cannot be used, that is raised (OSError, ValueError) and nothing changes."""
        contexts: dict[str, ssl.SSLContext] = {}
        default = None
        for each in self._settings.certificates:
            context = _context(self._settings, each)
            default = default or context
            for name in each.names or _names(each.certificate):
                contexts.setdefault(name.lower(), context)
        if default is None:
            raise ValueError("TLS needs at least one certificate")
        self._contexts: Mapping[str, ssl.SSLContext] = contexts
        self._default = default

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        wanted = (name or "").lower().removesuffix(".")
        parent = wanted.partition(".")[2]
        connection.context = self._contexts.get(wanted) or self._contexts.get(f"*.{parent}") or self._default
        connection.asked_name = name  # type: ignore[attr-defined]  # the ssl module keeps it nowhere


def _context(settings: TLSSettings, each: CertificateSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.ciphers is not None:
        context.set_ciphers(settings.ciphers)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(each.certificate, each.key, _no_password)
    context.verify_mode = _VERIFY[settings.client_certificate]
    if settings.client_ca is not None:
        context.load_verify_locations(settings.client_ca)
        # Who is listed vouches, also an intermediate authority without its root, or a client's own certificate.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _no_password() -> str:
    """In the place of OpenSSL's question on the terminal, which would stop the gateway until somebody answers."""
    raise ValueError("the private key has a password, which nobody can type in here")


def _names(path: str) -> list[str]:
    """The DNS names in a certificate."""
    from cryptography import x509  # only listeners with TLS need it

    certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)
