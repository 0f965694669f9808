"""Importers: readers of other products' definitions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["Importer"]


class Importer(Plugin):
    """Turns another product's definition into ours."""

    kind: ClassVar[str] = "importer"

    def read(self, source: Path) -> Mapping[str, Any]:
        """A configuration as plain data. Raises ValueError where the source cannot be understood."""
        raise NotImplementedError(f"{type(self).__name__} must define read()")

    @hookimpl
    @classmethod
    def apim_register_importer(cls) -> type[Importer]:
        """Register the class itself."""
        return cls
