"""Purges: marks that say what has been purged, and to which an answer that is older does not agree.

A mark is a text of chance for each thing that was purged (an API, a URL, a tag). An answer remembers the marks of all
that it belongs to as they were when it was asked for; it is good only while they are the same. So no clocks are
compared, and an answer that was under way when the purge came is void too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["EVERYTHING", "Marks", "api_subject", "tag_subject", "url_subject"]

_MOST: Final = 10_000
EVERYTHING: Final = "all"


def api_subject(name: str, version: str | None) -> str:
    """What stands for all versions of an API, or for one."""
    return f"api {name}" if version is None else f"api {name} {version}"


def url_subject(url: str) -> str:
    """What stands for a path with each of its queries, or for a path with one."""
    return f"url {url}"


def tag_subject(tag: str) -> str:
    """What stands for all that bears a tag."""
    return f"tag {tag}"


class Marks:
    """The newest marks, at most so many; past that everything is purged once and the marks are forgotten.

    ``version`` counts up with every change. Belongs to one event loop.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.version = 0
        self._most = most
        self._marks: OrderedDict[str, str] = OrderedDict()

    def set(self, subject: str, mark: str) -> None:
        """Purge a subject."""
        if self._marks.get(subject) == mark:
            return
        if len(self._marks) >= self._most and subject not in self._marks:
            self._marks.clear()
            subject = EVERYTHING
        self._marks[subject] = mark
        self.version += 1

    def forget(self, subject: str) -> None:
        """Drop a mark: nothing that it voided is left."""
        if self._marks.pop(subject, None) is not None:
            self.version += 1

    def replace(self, marks: Mapping[str, str]) -> None:
        """Put all marks of a store in the place of what is known."""
        if dict(self._marks) != dict(marks):
            self._marks.clear()
            for subject, mark in marks.items():
                self.set(subject, mark)
            self.version += 1

    def of(self, subjects: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """The marks of those subjects that have one."""
        marks = self._marks
        if not marks:
            return ()
        return tuple([(subject, marks[subject]) for subject in (EVERYTHING, *subjects) if subject in marks])
