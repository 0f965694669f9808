"""Text of a YAML 1.2 or JSON document -> plain data: dict, list, str, int, float, bool, None.

The types of scalars are those of the core schema of YAML 1.2.2. Mapping keys are always text, a key may stand once in a
mapping, a file holds one document, and tags other than those of the core schema are refused. Equal strings are one
object, so that a large document stays small.

Size, depth and the nodes that aliases stand for are bounded, so that no document costs more than its size promises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apim_core.config.events import STANDARD, Bounds, DocumentError, build
from apim_core.config.problems import Problem

__all__ = ["Bounds", "DocumentError", "parse", "read"]


def read(path: Path, bounds: Bounds = STANDARD) -> bytes:
    """The bytes of a file, of too large a file only so many that ``parse`` sees that it is. Raises OSError."""
    with path.open("rb") as file:
        return file.read(bounds.size + 1)


def parse(content: bytes, file: str, *, environment: Mapping[str, str] | None = None, bounds: Bounds = STANDARD) -> Any:
    """The data of the document in ``content``; None when it is empty.

    References such as ``${env:NAME}`` are filled in from ``environment`` unless that is None. Raises DocumentError
    with every problem up to the first that makes the rest unreadable; ``file`` is the name to give in them.
    """
    if len(content) > bounds.size:
        raise _failure(file, f"the file has more than the {bounds.size} bytes that are read", "split it up")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            [Problem(file, line, None, "", f"byte {error.start} is not UTF-8", "save the file as UTF-8")]
        ) from None
    if environment is None and text.lstrip()[:1] in ("{", "["):
        try:
            return _parse_json(text, bounds)
        except (ValueError, RecursionError):
            pass  # the YAML parser, which reads JSON as well, says what is wrong and where
    return build(text, file, environment, bounds)


def _failure(file: str, message: str, hint: str | None = None) -> DocumentError:
    return DocumentError([Problem(file, None, None, "", message, hint)])


def _parse_json(text: str, bounds: Bounds) -> Any:
    """The data of a clean JSON document, many times quicker than as YAML. Raises ValueError when it is not clean."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) != len(pairs):
            raise ValueError("a key stands twice")
        return mapping

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    data = json.loads(text, object_pairs_hook=distinct, parse_constant=refuse)
    level = [data]
    for _ in range(bounds.depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return data
    raise ValueError("nested too deeply")
