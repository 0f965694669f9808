"""How much a document may be, whoever sent it. More ends in a finding or an error that says so."""

from __future__ import annotations

from typing import Final

__all__ = ["DEEPEST", "LARGEST", "MOST_ALIASED", "MOST_DOCUMENTS", "MOST_FINDINGS", "MOST_VALUES"]

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
