"""``errorMessage``: a schema's own words in place of those of its keywords, as the package ajv-errors has it.

It only speaks where all errors are collected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apim_governance.json_schema.errors import Check, Place, Run, ValidationError, place_of
from apim_governance.json_schema.nodes import Node

__all__ = ["error_message"]

_NAMED_BY = {"required": "missingProperty", "dependencies": "property", "dependentRequired": "property"}


def error_message(node: Node, keyword: str) -> Check | None:
    """``errorMessage``: one text for all, or one for each keyword, name or item; ``_`` for the rest."""
    written = node.schema[keyword]
    if not isinstance(written, str | dict):
        return None
    replacement = _Replacement(node, written if isinstance(written, dict) else {"_": written})

    def check(data: Any, place: Place, run: Run) -> bool:
        if run.all_errors and not run.quiet and run.errors:
            replacement.apply(place_of(place), data, run)
        return True

    return check


class _Replacement:
    def __init__(self, node: Node, written: dict[str, Any]) -> None:
        self._where = node.where
        self._holder = node.schema
        self._children = {
            "properties": written.get("properties"),
            "items": dict(enumerate(written.get("items") or ())),
        }
        self._rest = written.get("_")
        self._by_keyword = {name: text for name, text in written.items() if name not in ("properties", "items", "_")}

    def apply(self, path: str, data: Any, run: Run) -> None:
        """Put messages in the place of the errors of a value that they are for."""
        added: list[ValidationError] = []
        used: set[int] = set()
        for keyword, text in self._by_keyword.items():
            texts = text if isinstance(text, dict) else {None: text}
            for name, message in texts.items():
                self._replace(
                    (each for each in run.errors if self._is_own(each, path, keyword, name)), path, message, used, added
                )
        messages = self._children["properties" if isinstance(data, dict) else "items"]
        for name, message in (messages or {}).items():
            child = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
            below = (each for each in run.errors if each.path == child or each.path.startswith(f"{child}/"))
            self._replace(below, child, message, used, added)
        if self._rest:
            self._replace((each for each in run.errors if self._is_below(each, path)), path, self._rest, used, added)
        if used:
            run.errors[:] = [*(each for each in run.errors if id(each) not in used), *added]

    def _replace(
        self,
        errors: Iterable[ValidationError],
        path: str,
        message: str,
        used: set[int],
        added: list[ValidationError],
    ) -> None:
        replaced = [each for each in errors if id(each) not in used and each.keyword != "errorMessage"]
        if replaced:
            used.update(map(id, replaced))
            schema_path = f"{self._where}/errorMessage"
            added.append(
                ValidationError("errorMessage", path, schema_path, {"errors": replaced}, message, self._holder)
            )

    def _is_own(self, error: ValidationError, path: str, keyword: str, name: str | None) -> bool:
        return (
            error.keyword == keyword
            and error.path == path
            and error.schema_path == f"{self._where}/{keyword}"
            and (name is None or error.params.get(_NAMED_BY.get(keyword, "")) == name)
        )

    def _is_below(self, error: ValidationError, path: str) -> bool:
        inside = error.path == path or error.path.startswith(f"{path}/")
        return inside and error.schema_path.startswith(f"{self._where}/")
