"""What is looked for on a shelf, and when an answer that is there is good."""

from __future__ import annotations

from typing import Any

import attrs
from apim_sdk import API, Headers

from apim_traffic.cache.entry import Entry
from apim_traffic.cache.keys import Key, url_of
from apim_traffic.cache.marks import Marks, api_subject, tag_subject, url_subject
from apim_traffic.cache.wishes import Wish

__all__ = ["Found", "Lookup", "is_good", "subjects_of"]


@attrs.frozen
class Found:
    """What a shelf has for a request: an answer, that may be stale, and what the shelf wants to be told when another is
    put in its place."""

    entry: Entry | None
    observed: Any


class Lookup:
    """A request that could not be answered, from its look-up until the backend has answered it.

    ``headers`` are the request's as they were then; ``marks`` the version of the marks of then; ``held`` whether the
    key holds all that the call is authorised by.
    """

    __slots__ = ("api", "found", "headers", "held", "key", "marks", "wish")

    def __init__(self, api: API, key: Key, wish: Wish, headers: Headers, held: bool, found: Found, marks: int) -> None:
        self.api = api
        self.key = key
        self.wish = wish
        self.headers = headers
        self.held = held
        self.found = found
        self.marks = marks

    @property
    def entry(self) -> Entry | None:
        """The answer that was found."""
        return self.found.entry

    @property
    def url(self) -> str:
        """Path and query."""
        return url_of(self.key)


def subjects_of(api: API, url: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """All that can be purged and would void an answer."""
    path, query, _ = url.partition("?")
    urls = (url_subject(path), url_subject(url)) if query else (url_subject(path),)
    return (api_subject(api.name, None), api_subject(api.name, api.version), *urls, *map(tag_subject, tags))


def is_good(entry: Entry, marks: Marks, api: API, key: Key) -> bool:
    """Whether nothing that the answer belongs to has been purged since it was asked for."""
    if entry.checked == marks.version:
        return True
    if entry.marks != marks.of(subjects_of(api, url_of(key), entry.tags)):
        return False
    entry.checked = marks.version
    return True
