"""What a test expects, held against what came and what the origin was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from support.cache_suite.origin import Asked
from support.cache_suite.tests import Fields, Step, fill_in

__all__ = ["Came", "Failed", "judge_answer", "judge_origin"]


class Failed(Exception):
    """A test is not passed; ``setup`` tells that what it needs first did not happen."""

    def __init__(self, message: str, setup: bool) -> None:
        super().__init__(message)
        self.setup = setup


@attrs.frozen
class Came:
    """An answer as the client got it."""

    status: int
    headers: Fields
    body: str
    interim: Sequence[tuple[int, Fields]]


def _expect(condition: bool, message: str, step: Step, member: str | None) -> None:
    """Fail unless the condition holds; what is about no member of the test is always set-up."""
    if not condition:
        setup = member is None or step.get("setup") is True or member in step.get("setup_tests", ())
        raise Failed(message, setup)


def judge_answer(step: Step, number: int, came: Came, identifier: str) -> None:
    """Hold one answer against the test."""
    served = came.headers.get("Server-Request-Count")
    count = int(served) if served is not None and served.isdigit() else None
    numbers = (came.headers.get("Request-Numbers") or "").split()
    _expect(len(numbers) == len(set(numbers)), "the request was sent again", step, None)
    expected = step.get("expected_type")
    if expected == "cached" and not (came.status == 304 and count is None):
        fine = count is not None and count < number
        _expect(fine, f"answer {number} does not come from the cache", step, "expected_type")
    if expected == "not_cached":
        _expect(count == number, f"answer {number} comes from the cache", step, "expected_type")
    _judge_status(step, number, came)
    _judge_headers(step, number, came)
    _judge_interim(step, came)
    _judge_body(step, number, came, identifier)


def _judge_status(step: Step, number: int, came: Came) -> None:
    if "expected_status" in step:
        wanted, member = step["expected_status"], "expected_status"
        if wanted is None:
            return
    elif "response_status" in step:
        wanted, member = step["response_status"][0], None
    elif came.status == 999:
        raise Failed(f"request {number} should have been conditional", _setup(step, "expected_type"))
    else:
        wanted, member = 200, None
    _expect(came.status == wanted, f"answer {number} has status {came.status}, not {wanted}", step, member)


def _setup(step: Step, member: str) -> bool:
    return step.get("setup") is True or member in step.get("setup_tests", ())


def _judge_headers(step: Step, number: int, came: Came) -> None:
    member = "expected_response_headers"
    now = int(came.headers.get("server-now") or 0) / 1000
    base = came.headers.get("server-base-url") or ""
    for header in step.get(member, ()):
        name, *wanted = [header] if isinstance(header, str) else header
        value = came.headers.get(name)
        _expect(len(wanted) == 1 or value is not None, f"answer {number} has no {name}", step, member)
        if len(wanted) == 1:
            text = fill_in(name, wanted[0], step, now, base)
            _expect(value == text, f"answer {number} has {name} {value!r}, not {text!r}", step, member)
        elif wanted and wanted[0] == "=":
            other = came.headers.get(wanted[1])
            _expect(value == other, f"answer {number} has {name} {value!r}, not {other!r}", step, member)
        elif wanted:
            bigger = value is not None and value.isdigit() and int(value) > wanted[1]
            _expect(bigger, f"answer {number} has {name} {value!r}, not more than {wanted[1]}", step, member)
    member = "expected_response_headers_missing"
    for header in step.get(member, ()):
        name, unwanted = (header, "") if isinstance(header, str) else header
        value = came.headers.get(name)
        _expect(value is None or unwanted not in value, f"answer {number} has {name} {value!r}", step, member)


def _judge_interim(step: Step, came: Came) -> None:
    member = "expected_interim_responses"
    for number, (status, *rest) in enumerate(step.get(member, ())):
        there = came.interim[number] if number < len(came.interim) else (0, Fields())
        _expect(there[0] == status, f"interim answer {number + 1} is {there[0]}, not {status}", step, member)
        for name, value in rest[0] if rest else ():
            _expect(there[1].get(name) == value, f"interim answer {number + 1} lacks {name}", step, member)


def _judge_body(step: Step, number: int, came: Came, identifier: str) -> None:
    if step.get("check_body") is False:
        return
    member: str | None = None
    wanted: Any = identifier
    if "expected_response_text" in step:
        wanted, member = step["expected_response_text"], "expected_response_text"
    elif step.get("response_body") is not None:
        wanted = step["response_body"]
    elif came.status in (204, 304) or step.get("request_method") == "HEAD":
        return
    if wanted is not None:
        _expect(came.body == wanted, f"answer {number} is {came.body!r}, not {wanted!r}", step, member)


def judge_origin(steps: Sequence[Step], came: Sequence[Came], asked: Sequence[Asked]) -> None:
    """Hold what the origin was asked against the test."""
    requests = iter(asked)
    for number, step in enumerate(steps, 1):
        expected = step.get("expected_type")
        if expected == "cached":
            continue  # the origin does not see it
        request = next(requests, None)
        if expected == "not_cached":
            fine = request is not None and request.number == number
            _expect(fine, f"answer {number} comes from the cache", step, "expected_type")
        condition = {"etag_validated": "if-none-match", "lm_validated": "if-modified-since"}.get(expected or "")
        if condition is not None:
            fine = request is not None and condition in request.headers
            _expect(fine, f"request {number} has no {condition}", step, "expected_type")
        if request is not None:
            _judge_request(step, number, came[number - 1], request)


def _judge_request(step: Step, number: int, came: Came, request: Asked) -> None:
    member = "expected_request_headers"
    for header in step.get(member, ()):
        name, *wanted = [header] if isinstance(header, str) else header
        value = request.headers.get(name)
        fine = value == wanted[0] if wanted else value is not None
        _expect(fine, f"request {number} has {name} {value!r}, not {wanted}", step, member)
    for name, value in request.answered:
        if name.lower() != "date":
            got = came.headers.get(name)
            _expect(got == value, f"answer {number} has {name} {got!r}, not {value!r}", step, None)
    if "expected_method" in step:
        fine = request.method == step["expected_method"]
        _expect(fine, f"request {number} came as {request.method}", step, "expected_method")
