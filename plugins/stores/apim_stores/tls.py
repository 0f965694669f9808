"""TLS to the server that keeps the state."""

from __future__ import annotations

import ssl
from pathlib import Path

import attrs
from apim_sdk import Secret

__all__ = ["TLS"]


@attrs.frozen
class TLS:
    """How the server's certificate is checked, and what is shown of our own."""

    verify: bool = True
    """Whether the server's certificate must be valid for its name; turn it off for experiments only."""
    ca: Path | None = None
    """File of the certificates (PEM) that vouch for the server; without it, those that the system trusts."""
    certificate: Path | None = None
    """File of the certificate chain (PEM) to present as a client."""
    key: Path | None = None
    """File of the private key (PEM) of ``certificate``; without it the key is looked for in the same file."""
    key_password: Secret | None = None
    """Password of the private key."""

    def context(self) -> ssl.SSLContext:
        """What connections are opened with; reads the files. Raises OSError (ssl.SSLError is one)."""
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate is not None:
            # An empty password, so that nobody is asked for one on the terminal.
            password = self.key_password.reveal() if self.key_password is not None else ""
            context.load_cert_chain(self.certificate, self.key, password)
        return context
