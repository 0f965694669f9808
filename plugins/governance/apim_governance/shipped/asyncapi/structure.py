"""The structure of documents of AsyncAPI, after the specification, in the notation of ``shipped.structures``.

What protocols want of bindings is not looked into, nor schemas of another format.
"""

from __future__ import annotations

from typing import Any, Final

from apim_governance.shipped.asyncapi import structure2, structure3

__all__ = ["LATEST", "document_schema"]

LATEST: Final = 3, 1
"""The version whose structure is that of later ones, too."""


def document_schema(version: tuple[int, int], resolved: bool) -> dict[str, Any]:
    """The schema of documents of a version. In those of 3 some members must be references until resolved."""
    if version[0] == 2:
        return structure2.document_schema(version[1])
    return structure3.document_schema(min(version, LATEST)[1], resolved, exact=version <= LATEST)
