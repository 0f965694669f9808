"""What can come of looking at a client's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from apim_sdk import Principal

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["InvalidCertificate", "StaleRevocationList", "UnknownStatus", "Verified"]


@attrs.frozen
class Verified:
    """A certificate that is good, ``until`` it is to be looked at again (seconds since the epoch)."""

    principal: Principal
    fingerprint: str
    until: float
    chain: Sequence[x509.Certificate] = ()
    """The certificate and those that vouch for it, as far as they are known here."""


class InvalidCertificate(ValueError):
    """A certificate that is not good here and now. The text says why, for the operator."""


class UnknownStatus(Exception):
    """Whether the certificate was revoked cannot be told now."""


class StaleRevocationList(UnknownStatus):
    """A revocation list that should long have been replaced, so that nothing can be told by it."""
