"""Every operation of a document, with where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["METHODS", "operations_of"]

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace")


def operations_of(paths: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, in the order of the document."""
    if not isinstance(paths, dict):
        return
    for path, item in paths.items():
        if isinstance(item, dict):
            for method, operation in item.items():
                if method in METHODS and isinstance(operation, dict):
                    yield path, method, operation
