"""How much a document may be, whoever sent it. More ends in a finding or an error that says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["DEEPEST", "LARGEST", "MOST_ALIASED", "MOST_DOCUMENTS", "MOST_FINDINGS", "MOST_TOLD", "MOST_VALUES", "Room"]

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file; characters of all documents together that one leads to."""
MOST_VALUES: Final = 3_000_000
"""Names and values of a YAML document; values of a JSON document, and of all that one leads to."""
MOST_ALIASED: Final = 1_000_000
"""Values that aliases and merges may add to a YAML document."""
DEEPEST: Final = 200
"""Collections within collections of YAML; those of JSON are bounded by the interpreter's stack, at about 1,000."""
MOST_DOCUMENTS: Final = 1_000
"""Documents that one may lead to."""
MOST_FINDINGS: Final = 250_000
"""Findings in a document, after which the rest of it is not looked at."""
MOST_TOLD: Final = 64 * 1024 * 1024
"""Characters of all messages and paths of the findings in a document; so are they bounded, however long a name is."""


class Room:
    """What is left of ``MOST_FINDINGS`` and ``MOST_TOLD``, for the findings in one document."""

    def __init__(self) -> None:
        self._findings = MOST_FINDINGS
        self._characters = MOST_TOLD

    def take(self, message: str, path: Iterable[str | int]) -> bool:
        """Make room for a finding; whether there was any."""
        self._findings -= 1
        self._characters -= len(message) + sum(len(str(part)) + _PART for part in path)
        return self._findings >= 0 and self._characters >= 0


_PART: Final = 8
"""Bytes of a part of a path, besides its characters."""
