"""The bookshop itself: a small HTTP server that keeps books, authors and orders in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

__all__ = ["Bookshop"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_AUTHORS = ("Ada Lovelace", "Mary Shelley", "Ibn Battuta")
_BOOKS = (
    ("Notes on the Analytical Engine", 1, 1850),
    ("Frankenstein", 2, 990),
    ("The Last Man", 2, 1290),
    ("The Travels", 3, 2450),
)
_PAGE = 2


class Bookshop:
    """The backend. One event loop serves it and changes it."""

    def __init__(self) -> None:
        self.url = ""
        self._authors = {number: {"id": number, "name": name} for number, name in enumerate(_AUTHORS, 1)}
        self._books: dict[int, dict[str, Any]] = {
            number: {"id": number, "title": title, "author": author, "price": price}
            for number, (title, author, price) in enumerate(_BOOKS, 1)
        }
        self._orders: dict[int, dict[str, Any]] = {}
        self._next_book = len(_BOOKS) + 1
        self._runner: web.AppRunner | None = None

    @classmethod
    async def open(cls) -> Bookshop:
        """A bookshop that listens."""
        bookshop = cls()
        application = web.Application()
        application.add_routes(bookshop._routes())
        bookshop._runner = runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        bookshop.url = f"http://{host}:{port}"
        return bookshop

    async def aclose(self) -> None:
        """Close the shop."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/books", self._list_books),
            web.post("/books", self._add_book),
            web.get("/books/{id}", self._show(self._books)),
            web.put("/books/{id}", self._replace_book),
            web.delete("/books/{id}", self._remove_book),
            web.get("/books/{id}/cover", self._cover),
            web.get("/authors", self._list_authors),
            web.get("/authors/{id}", self._show(self._authors)),
            web.post("/orders", self._place_order),
            web.get("/orders/{id}", self._show(self._orders)),
        ]

    async def _list_books(self, request: web.Request) -> web.Response:
        author = request.query.get("author")
        books = [book for book in self._books.values() if author is None or str(book["author"]) == author]
        page = _number(request.query.get("page", "1"))
        return web.json_response(books[(page - 1) * _PAGE : page * _PAGE])

    async def _list_authors(self, request: web.Request) -> web.Response:
        return web.json_response(list(self._authors.values()))

    def _show(self, shelf: dict[int, Any]) -> Handler:
        async def show(request: web.Request) -> web.Response:
            return web.json_response(_take(shelf, request))

        return show

    async def _add_book(self, request: web.Request) -> web.Response:
        book = {"id": self._next_book, **await self._new_book(request)}
        self._next_book += 1
        self._books[book["id"]] = book
        return web.json_response(book, status=201)

    async def _replace_book(self, request: web.Request) -> web.Response:
        old = _take(self._books, request)
        book = self._books[old["id"]] = {"id": old["id"], **await self._new_book(request)}
        return web.json_response(book)

    async def _remove_book(self, request: web.Request) -> web.Response:
        del self._books[_take(self._books, request)["id"]]
        return web.Response(status=204)

    async def _cover(self, request: web.Request) -> web.Response:
        book = _take(self._books, request)
        hue = book["id"] * 67 % 360
        picture = (
            '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="90">'
            f'<rect width="60" height="90" fill="hsl({hue},60%,60%)"/></svg>'
        )
        return web.Response(text=picture, content_type="image/svg+xml")

    async def _place_order(self, request: web.Request) -> web.Response:
        order = await _json(request)
        wanted, copies = order.get("book"), order.get("copies")
        book = self._books.get(wanted) if isinstance(wanted, int) else None
        if book is None or not isinstance(copies, int) or copies < 1:
            raise _error(web.HTTPBadRequest, "an order takes the id of a book and a number of copies")
        number = len(self._orders) + 1
        self._orders[number] = placed = {
            "id": number,
            "book": book["id"],
            "copies": copies,
            "total": copies * book["price"],
        }
        return web.json_response(placed, status=201)

    async def _new_book(self, request: web.Request) -> dict[str, Any]:
        given = await _json(request)
        title, author, price = given.get("title"), given.get("author"), given.get("price")
        known = isinstance(author, int) and author in self._authors
        if not (isinstance(title, str) and title and known and isinstance(price, int) and price >= 0):
            raise _error(web.HTTPBadRequest, "a book takes a title, the id of its author and a price in cents")
        return {"title": title, "author": author, "price": price}


def _take(shelf: dict[int, Any], request: web.Request) -> Any:
    found = shelf.get(_number(request.match_info["id"]))
    if found is None:
        raise _error(web.HTTPNotFound, f"there is no {request.path}")
    return found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise _error(web.HTTPBadRequest, f"{text!r} is no number from 1")
    return int(text)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except ValueError:
        raise _error(web.HTTPBadRequest, "the body is no JSON") from None
    if not isinstance(given, dict):
        raise _error(web.HTTPBadRequest, "the body is no JSON object")
    return given


def _error(kind: type[web.HTTPClientError], message: str) -> web.HTTPException:
    return kind(text=json.dumps({"message": message}), content_type="application/json")
