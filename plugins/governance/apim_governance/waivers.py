"""Waivers: what is let pass for a time, by whom it was asked for and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase

import attrs

from apim_governance.findings import Finding, path_text

__all__ = ["Waiver", "Waivers"]


def _said(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise ValueError(f"a waiver needs a {attribute.name}")


def _aware(instance: object, attribute: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError("the expiry of a waiver needs a time zone, such as 2027-01-01T00:00:00Z")


@attrs.frozen
class Waiver:
    """One rule, or several, that need not be followed by some APIs until a day."""

    rule: str = attrs.field(validator=_said)
    """Name of the rule, or a pattern of names such as `owasp:*`."""
    reason: str = attrs.field(validator=_said)
    """Why it may be left aside."""
    expires: datetime = attrs.field(validator=_aware)
    """Until when; from then on it counts no more. Such as `2027-01-01T00:00:00Z`."""
    api: str = "*"
    """Name of the API, or a pattern of names."""
    version: str = "*"
    """Its version, or a pattern of versions."""
    path: str = ""
    """Where in the document, such as `plans[0]`; what stands below is meant as well. Without it, everywhere."""
    requested_by: str = ""
    """Who answers for it."""

    def covers(self, api: str, version: str, finding: Finding) -> bool:
        """Whether a finding in a document of an API is what it is for, whatever the time."""
        if not (fnmatchcase(finding.code, self.rule) and fnmatchcase(api, self.api)):
            return False
        if not fnmatchcase(version, self.version):
            return False
        place = path_text(finding.path)
        return not self.path or place == self.path or place.startswith((f"{self.path}.", f"{self.path}["))


class Waivers:
    """Waivers that hold at a time."""

    def __init__(self, waivers: Iterable[Waiver], now: datetime) -> None:
        every = tuple(waivers)
        self.expired = tuple(waiver for waiver in every if waiver.expires <= now)
        self.valid = tuple(waiver for waiver in every if waiver.expires > now)

    def waiver(self, api: str, version: str, finding: Finding) -> Waiver | None:
        """The waiver that lets a finding pass, None if it counts."""
        return next((each for each in self.valid if each.covers(api, version, finding)), None)
