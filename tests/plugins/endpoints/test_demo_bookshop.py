"""The demo's bookshop: a backend of its own, with the API that its definition describes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.gateway import Answer, Served, run, serving

DEFINITION = Path(__file__).resolve().parents[3] / "examples" / "quickstart" / "bookshop.openapi.yaml"
TEXT = """
management: {enabled: false}
apis:
  - name: bookshop
    context: /
    endpoint: {demo-bookshop: {}}
    plans: [{name: public, authentication: {keyless: {}}}]
    operations: [{match: "* /*"}]
"""


@contextlib.asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Served]:
    async with serving(TEXT, folder) as served:
        yield served


def asked(folder: Path, *calls: tuple[str, str, Any]) -> list[Answer]:
    """The answers to calls, one after the other: method, path, JSON body or None."""

    async def scenario() -> list[Answer]:
        async with shop(folder) as served:
            return [
                await served.call(method, path, **({} if body is None else {"json": body}))
                for method, path, body in calls
            ]

    answers: list[Answer] = run(scenario())
    return answers


def test_books_come_two_on_a_page(tmp_path: Path) -> None:
    first, second, last = asked(tmp_path, *[("GET", f"/books?page={page}", None) for page in (1, 2, 3)])
    assert [[1, 2], [3, 4], []] == [[book["id"] for book in answer.json] for answer in (first, second, last)]


def test_books_of_one_author_can_be_listed(tmp_path: Path) -> None:
    (answer,) = asked(tmp_path, ("GET", "/books?author=2", None))
    assert ["Frankenstein", "The Last Man"] == [book["title"] for book in answer.json]


def test_a_book_is_added_replaced_shown_and_removed(tmp_path: Path) -> None:
    book = {"title": "Rihla", "author": 3, "price": 500}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/books", book),
        ("PUT", "/books/5", {**book, "price": 600}),
        ("GET", "/books/5", None),
        ("DELETE", "/books/5", None),
        ("GET", "/books/5", None),
    ]
    answers = asked(tmp_path, *calls)
    assert [201, 200, 200, 204, 404] == [answer.status for answer in answers]
    assert [{"id": 5, **book}, {"id": 5, **book, "price": 600}] == [answers[0].json, answers[2].json]


def test_an_order_costs_its_copies(tmp_path: Path) -> None:
    placed, shown = asked(tmp_path, ("POST", "/orders", {"book": 1, "copies": 2}), ("GET", "/orders/1", None))
    assert (201, {"id": 1, "book": 1, "copies": 2, "total": 3700}) == (placed.status, placed.json)
    assert placed.json == shown.json


def test_a_cover_is_a_picture(tmp_path: Path) -> None:
    (answer,) = asked(tmp_path, ("GET", "/books/1/cover", None))
    assert (200, "image/svg+xml") == (answer.status, answer.headers["Content-Type"].partition(";")[0])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/books/99", None, 404),
        ("GET", "/books/x", None, 400),
        ("GET", "/books/0", None, 400),
        ("GET", "/books?page=0", None, 400),
        ("POST", "/books", {"title": "", "author": 1, "price": 1}, 400),
        ("POST", "/books", {"title": "a", "author": 9, "price": 1}, 400),
        ("POST", "/books", {"title": "a", "author": [1], "price": 1}, 400),
        ("POST", "/books", {"title": "a", "author": 1, "price": -1}, 400),
        ("POST", "/books", ["a"], 400),
        ("POST", "/orders", {"book": 99, "copies": 1}, 400),
        ("POST", "/orders", {"book": [1], "copies": 1}, 400),
        ("POST", "/orders", {"book": 1, "copies": 0}, 400),
        ("PUT", "/books/99", {"title": "a", "author": 1, "price": 1}, 404),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, method: str, path: str, body: Any, status: int) -> None:
    (answer,) = asked(tmp_path, (method, path, body))
    assert status == answer.status
    assert answer.json["message"]


def test_a_body_that_is_no_json_is_refused(tmp_path: Path) -> None:
    async def scenario() -> Answer:
        async with shop(tmp_path) as served:
            return await served.call("POST", "/books", data=b"{")

    assert (400, "the body is no JSON") == (run(scenario()).status, run(scenario()).json["message"])


def test_every_operation_of_its_definition_is_there(tmp_path: Path) -> None:
    paths = yaml.safe_load(DEFINITION.read_text())["paths"]
    methods = ("get", "post", "put", "delete")  # what is removed is asked for before
    calls = [
        (method.upper(), path.replace("{id}", "1"), {} if method in ("post", "put") else None)
        for method in methods
        for path, item in paths.items()
        if method in item
    ]
    answers = asked(tmp_path, *calls)
    assert 10 == len(answers)
    unknown = [path for (_, path, _), answer in zip(calls, answers, strict=True) if answer.status in (404, 405, 500)]
    assert ["/orders/1"] == unknown


def test_all_its_endpoints_and_reloads_share_one_shop_which_closes_with_the_last(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        async with shop(tmp_path) as served:
            await served.call("DELETE", "/books/1")
            await served.reload(TEXT)
            status = (await served.get("/books/1")).status
        return status, len(served.gateway.shared)

    assert (404, 0) == run(scenario())
