"""Certificates that applications are known by: the files that keys name, as the hashes that they are found by."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

import attrs
from apim_sdk import Secret

from apim_core.config.model import Application, ApplicationKey
from apim_core.config.problems import Problem
from apim_core.config.tracing import mark

__all__ = ["Certificates", "fingerprint"]

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE: Final = b"\x30"
"""What the DER form of a certificate begins with (X.690, section 8.9)."""


def fingerprint(text: str) -> str:
    """Lower-case hexadecimal SHA-256 of the DER form of the first certificate in a PEM text; of a hash, itself.

    Raises ValueError where there is none.
    """
    bare = _bare(text)
    if _HASH.fullmatch(bare):
        return bare
    found = _PEM.search(text)
    if found is None:
        raise ValueError("it is no certificate in PEM form")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
    except ValueError as error:
        raise ValueError("the certificate is not in base64") from error
    if not der.startswith(_SEQUENCE):
        raise ValueError("it holds no certificate")
    return hashlib.sha256(der).hexdigest()


def _bare(text: str) -> str:
    """A hash as it is compared, however it is written."""
    return text.strip().replace(":", "").lower()


class Certificates:
    """Reads the certificates that applications name. ``problems`` grows on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def complete(self, application: Application) -> Application:
        """The application with the hashes of its certificates in place of their files."""
        if all(key.kind != "certificate" for key in application.keys):
            return application
        keys = tuple(self._read(key, application, index) for index, key in enumerate(application.keys))
        completed = attrs.evolve(application, keys=keys)
        mark(completed, application.source)
        return completed

    def _read(self, key: ApplicationKey, application: Application, index: int) -> ApplicationKey:
        if key.kind != "certificate":
            return key
        value = key.value.reveal()
        try:
            if not _HASH.fullmatch(_bare(value)) and "-----BEGIN" not in value:
                value = (Path(application.source.file).parent / value).read_text(encoding="ascii")
            return attrs.evolve(key, value=Secret(fingerprint(value)))
        except OSError as error:
            reason = error.strerror or str(error)
        except ValueError as error:
            reason = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error)
        source = application.source
        hint = "name a PEM file, relative to the file that names it, or write the SHA-256 of the certificate"
        message = f"the certificate cannot be read: {reason}"
        self.problems.append(Problem(source.file, None, None, f"{source.pointer}/keys/{index}", message, hint))
        return key
