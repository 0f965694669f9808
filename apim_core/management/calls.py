"""A request to change something, checked before anything happens; and how it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
from aiohttp import web

from apim_core.access.ledger import Ledger
from apim_core.config import ConfigErrors, structure
from apim_core.config.validating import IDENTIFIER
from apim_core.management.administration import Administration

__all__ = ["Call", "Refusal", "member_problem", "page_of"]

T = TypeVar("T")

_MOST_ITEMS = 1000
_USUAL_ITEMS = 100


class Refusal(Exception):
    """Why a request is not carried out: a status, a sentence, and the members of its body that are wrong."""

    def __init__(self, status: int, message: str, problems: tuple[Mapping[str, Any], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems

    def response(self) -> web.Response:
        """The answer."""
        body: dict[str, Any] = {"status": self.status, "message": self.message}
        if self.problems:
            body["problems"] = list(self.problems)
        return web.json_response(body, status=self.status)


def member_problem(member: str, message: str, hint: str | None = None) -> Refusal:
    """The refusal of a body for one of its members."""
    return Refusal(400, "The body is not as it must be", ({"member": member, "message": message, "hint": hint},))


@attrs.frozen
class Call:
    """One request to a route that needs the management token."""

    request: web.Request
    administration: Administration

    async def ledger(self) -> Ledger:
        """The entries of the store. Raises Refusal where there is no store, OSError where it is away."""
        ledger = await self.administration.ledger()
        if ledger is None:
            raise Refusal(409, "There is no store for access: name one under `access.store` in the configuration")
        return ledger

    @property
    def id(self) -> str:
        """The ``id`` in the path. Raises Refusal where it is none."""
        return self.part("id")

    def part(self, name: str) -> str:
        """An id in the path, by its name there. Raises Refusal where it is none."""
        value = self.request.match_info[name]
        if not IDENTIFIER.fullmatch(value):
            raise Refusal(404, "Nothing has such an id")
        return value

    async def body(self, cls: type[T], data: Any = None) -> T:
        """The JSON body as an instance of an attrs class, as a configuration is read. Raises Refusal."""
        try:
            return structure(await self.members() if data is None else data, cls)
        except ConfigErrors as errors:
            problems = tuple(
                {"member": each.pointer, "message": each.message, "hint": each.hint} for each in errors.problems
            )
            raise Refusal(400, "The body is not as it must be", problems) from None

    async def members(self) -> dict[str, Any]:
        """The members of the body, a JSON object in UTF-8. Raises Refusal."""
        try:
            data = json.loads((await self.request.read()).decode(), object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            said = str(error) if isinstance(error, _Unclear) else "it is no JSON in UTF-8"
            raise Refusal(400, f"The body cannot be read: {said}") from None
        if not isinstance(data, dict):
            raise Refusal(400, "The body cannot be read: it must be a JSON object")
        return data

    def filters(self, *names: str) -> dict[str, str]:
        """The query parameters of these names; none but them and those of a page may be there. Raises Refusal."""
        query = self.request.query
        for name in query:
            if name not in (*names, "after", "limit"):
                known = ", ".join((*names, "after", "limit"))
                raise Refusal(400, f"No query parameter is named {name[:80]!r}; there are {known}")
        return {name: query[name] for name in names if name in query}

    @property
    def after(self) -> str:
        """The id behind which a page begins."""
        return self.request.query.get("after", "")

    @property
    def limit(self) -> int:
        """How many items a page has at most. Raises Refusal."""
        text = self.request.query.get("limit", str(_USUAL_ITEMS))
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= _MOST_ITEMS):
            raise Refusal(400, f"limit must be a number from 1 to {_MOST_ITEMS}")
        return int(text)


def page_of(items: list[dict[str, Any]], call: Call) -> web.Response:
    """The first of some items by their ids, behind ``after``; ``next`` is what to ask behind for more."""
    items = sorted((item for item in items if item["id"] > call.after), key=lambda item: item["id"])
    shown = items[: call.limit]
    more = shown[-1]["id"] if len(shown) == call.limit else None
    return web.json_response({"items": shown, "next": more})


class _Unclear(ValueError):
    """JSON that two readers may read in two ways."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Unclear("a member is there twice")
    return members


def _no_number(text: str) -> Any:
    raise _Unclear(f"{text} is no JSON")
