"""A part of a document as a document: one API of a file that has several."""

from __future__ import annotations

from apim_sdk.governance import JSONPath

from apim_governance.documents.document import Document
from apim_governance.documents.pointers import pointed
from apim_governance.findings import Range

__all__ = ["Excerpt"]


class Excerpt(Document):
    """What stands at a path of ``whole``. Its paths begin there, its ranges are those of the whole text.

    Raises ``NotThere`` where there is nothing at the path.
    """

    def __init__(self, whole: Document, path: JSONPath) -> None:
        data = whole.data
        for part in path:
            data = pointed(data, part)
        super().__init__(whole.text, whole.source, data)
        self._whole = whole
        self._path = path

    def range_of(self, path: JSONPath, closest: bool = True) -> Range | None:
        return self._whole.range_of((*self._path, *path), closest)
