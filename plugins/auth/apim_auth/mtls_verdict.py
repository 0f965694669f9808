"""What can come of looking at a client's certificate."""

from __future__ import annotations

import attrs
from apim_sdk import Principal

__all__ = ["InvalidCertificate", "StaleRevocationList", "Verified"]


@attrs.frozen
class Verified:
    """A certificate that is good, ``until`` it is to be looked at again (seconds since the epoch)."""

    principal: Principal
    fingerprint: str
    until: float


class InvalidCertificate(ValueError):
    """A certificate that is not good here and now. The text says why, for the operator."""


class StaleRevocationList(Exception):
    """A revocation list that should long have been replaced, so that nothing can be told by it."""
