"""The tests as they are published, and how dates and URLs in them are filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from time import gmtime, strftime
from typing import Any

import attrs

__all__ = ["Fields", "Test", "fill_in", "read_tests"]

Step = Mapping[str, Any]
_DATES = frozenset(("date", "expires", "last-modified", "if-modified-since", "if-unmodified-since"))
_LOCATIONS = frozenset(("location", "content-location"))


class Fields:
    """Header fields: pairs in order, and values by name, those of several lines joined."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)

    def get(self, name: str) -> str | None:
        values = [value for key, value in self.pairs if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


@attrs.frozen
class Test:
    """One test: requests in order. ``kind`` is `required`, `optimal` or `check`."""

    __test__ = False

    id: str
    name: str
    kind: str
    suite: str
    steps: Sequence[Step]
    for_browsers: bool


def read_tests(file: Path) -> tuple[Test, ...]:
    """All tests of the export."""
    return tuple(
        Test(
            test["id"],
            test["name"],
            test.get("kind", "required"),
            suite["id"],
            test["requests"],
            test.get("browser_only", False),
        )
        for suite in json.loads(file.read_text())
        for test in suite["tests"]
    )


def fill_in(name: str, value: Any, step: Step, now: float, base: str) -> str:
    """A value of a header as it is sent: a number is a date so many seconds from now, a location is below the URL."""
    lower = name.lower()
    if lower in _DATES and isinstance(value, int):
        moment = int(now) + value
        if lower in step.get("rfc850date", ()):
            return strftime("%A, %d-%b-%y %H:%M:%S GMT", gmtime(moment))
        return formatdate(moment, usegmt=True)
    if lower in _LOCATIONS and step.get("magic_locations"):
        return f"{base}/{value}" if value else base
    return str(value)
