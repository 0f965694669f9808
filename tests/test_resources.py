"""Resources of plugins: found by method and path, and answered whatever becomes of the plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import GovernedDocument, Resource, ResourceError, ResourceRequest
from apim_sdk.testing import FakeContext
from support.gateway import run

from apim_core.resources import Answered, Asked, PluginResources

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "governance" / "over-http.md"


def told(answered: Answered) -> tuple[int, Any]:
    return answered.status, json.loads(answered.body)


def ask(*resources: Resource, path: str = "a", method: str = "GET", query: tuple[tuple[str, str], ...] = ()) -> Any:
    mounted = PluginResources({"governance": resources}, FakeContext().log)
    return told(run(mounted.answer(Asked(method, ("governance", *path.split("/")), query))))


def failing(error: Exception) -> Callable[[ResourceRequest], Awaitable[Any]]:
    async def fail(request: ResourceRequest) -> Any:
        raise error

    return fail


async def show(request: ResourceRequest) -> Any:
    return {"parts": dict(request.parts), "query": dict(request.query)}


def test_what_stands_for_names_is_handed_over() -> None:
    found = ask(Resource("/a/{one}/b/{two}", show, query=("q",)), path="a/x y/b/z", query=(("q", "1"),))
    assert (200, {"parts": {"one": "x y", "two": "z"}, "query": {"q": "1"}}) == found


@pytest.mark.parametrize("path", ["a/x", "a//b/z", "a/x/c/z", "a/x/b/z/more"])
def test_another_path_is_not_found(path: str) -> None:
    assert 404 == ask(Resource("/a/{one}/b/{two}", show), path=path)[0]


def test_another_method_is_told_which_there_are() -> None:
    status, error = ask(Resource("/a", show, "POST"), Resource("/a", show), path="a", method="PUT")
    assert (405, "There is only GET, POST here") == (status, error["description"])


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ((("x", "1"),), "No query parameter is named 'x'; there are: q"),
        ((("q", "1"), ("q", "2")), "A query parameter is there twice"),
    ],
)
def test_a_query_that_nobody_understands_is_refused(query: tuple[tuple[str, str], ...], description: str) -> None:
    status, error = ask(Resource("/a", show, query=("q",)), query=query)
    assert (400, description) == (status, error["description"])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ResourceError(404, "No such thing", "There is no x", 990101), (404, 990101, "No such thing", "There is no x")),
        (ResourceError(409, "Not now", "Later"), (409, 409, "Not now", "Later")),
        (
            ConnectionError("secret host"),
            (503, 503, "Service Unavailable", "What this is read from is away: try again"),
        ),
        (RuntimeError("secret"), (500, 500, "Internal Server Error", "It failed: the log says why")),
    ],
)
def test_a_failure_is_told_in_one_form(error: Exception, expected: tuple[int, int, str, str]) -> None:
    status, value = ask(Resource("/a", failing(error)))
    assert expected == (status, value["code"], value["message"], value["description"])


async def _object(request: ResourceRequest) -> Any:
    return object()


def test_an_answer_that_is_no_json_is_a_fault_of_the_plugin() -> None:
    assert 500 == ask(Resource("/a", _object))[0]


def test_a_request_travels_between_processes() -> None:
    asked = Asked("POST", ("governance", "a\nb", "é"), (("q", "1\n"), ("q", "2")), "application/json", b"\n\x00body\n")
    assert asked == Asked.unpacked(asked.packed())


@pytest.mark.parametrize("path", ["a", "", "/", "/a//b", "/a/"])
def test_a_path_is_checked(path: str) -> None:
    with pytest.raises(ValueError, match="a resource has a path that begins with a slash"):
        Resource(path, show)


def test_the_governor_of_the_guide_shows_what_it_says() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "counting"}
    exec(compile(source, "counting.py", "exec"), names)
    governor = names["Counting"]()
    assert [] == list(
        governor.judge([GovernedDocument("orders", "1", "", "a"), GovernedDocument("orders", "1", "", "b")])
    )
    assert (200, {"api": "orders", "documents": 2}) == ask(*governor.resources(), path="documents/orders")
    assert (404, "No such API") == (
        (answer := ask(*governor.resources(), path="documents/x"))[0],
        answer[1]["message"],
    )
