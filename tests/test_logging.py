"""The gateway's own log: its form, its bounds, and what never gets into it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import Any

import attrs
import pytest
import structlog
from apim_sdk import Secret

from apim_core.config.server import Log
from apim_core.logging import Flood, configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_is_json_where_nobody_looks_on() -> None:
    output = io.StringIO()

    configure_logging(Log(), output, worker=2).info("a worker started", pid=17)

    (line,) = lines(output)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "a worker started", "worker": 2, "pid": 17}


def test_a_line_is_text_on_a_terminal() -> None:
    output = Terminal()

    configure_logging(Log(), output).warning("a worker ended", pid=17)

    assert output.getvalue()[12:] == " warning  a worker ended  pid=17\n"


def test_the_configuration_may_choose_the_form() -> None:
    output = Terminal()

    configure_logging(Log(format="json"), output).info("x")

    assert lines(output)[0]["event"] == "x"


def test_what_is_below_the_level_is_not_written() -> None:
    output = io.StringIO()
    log = configure_logging(Log(level="warning"), output)

    log.info("quiet")
    log.warning("loud")

    assert [line["event"] for line in lines(output)] == ["loud"]


@attrs.frozen
class _Settings:
    password: Secret


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "facts",
    [
        {"key": Secret("s3cret")},
        {"keys": [{"deep": (Secret("s3cret"),)}]},
        {"settings": _Settings(Secret("s3cret"))},
        {"password": "s3cret"},
        {"headers": {"Authorization": "Bearer s3cret", "X-API-Key": b"s3cret"}},
    ],
)
def test_no_secret_is_written(form: Any, facts: dict[str, Any]) -> None:
    output = io.StringIO()

    configure_logging(Log(format=form), output).info("started", **facts)

    assert "started" in output.getvalue()
    assert "s3cret" not in output.getvalue()


def test_a_fact_of_any_size_gives_a_short_line() -> None:
    output = io.StringIO()
    nested: list[Any] = []
    nested.append(nested)

    configure_logging(Log(), output).info("big", text="x" * 10**6, many=list(range(10**5)), endless=nested)

    assert len(output.getvalue()) < 4_000
    assert lines(output)[0]["many"][-1] == "... 99968 more"


def test_a_client_cannot_forge_a_line_on_a_terminal() -> None:
    output = Terminal()

    configure_logging(Log(), output).info("request", path="/a\n09:00:00.000 info     \x1b[2Jforged")

    assert len(output.getvalue().splitlines()) == 1
    assert r"\x0a" in output.getvalue()
    assert "\x1b" not in output.getvalue()


def test_text_of_several_lines_stands_below_its_line_and_indented() -> None:
    output = Terminal()
    problems = ["apim.yaml:3:1: it is wrong\n  fix: \x1bmend it", "apim.yaml:5:1: so is this"]

    configure_logging(Log(), output).error("refused", problems=problems, file="apim.yaml")

    assert output.getvalue()[12:].splitlines() == [
        " error    refused  file=apim.yaml",
        "    apim.yaml:3:1: it is wrong",
        r"      fix: \x1bmend it",
        "    apim.yaml:5:1: so is this",
    ]


def test_an_exception_is_written_with_its_traceback_but_not_with_local_variables() -> None:
    output = io.StringIO()
    log = configure_logging(Log(), output)

    def fail(local: str) -> None:
        raise RuntimeError("no room")

    try:
        fail("a " + "local value")
    except RuntimeError as error:
        log.warning("a plugin failed", exc_info=error)

    written = lines(output)[0]["exception"]
    assert written.endswith("RuntimeError: no room")
    assert "a local value" not in written


def test_a_flood_of_one_event_is_thinned_out_and_counted() -> None:
    now = 0.0
    flood = Flood(lambda: now)

    def written(event: str) -> dict[str, Any] | None:
        try:
            return dict(flood(None, "info", {"event": event}))
        except structlog.DropEvent:
            return None

    assert [written("same") for _ in range(50)].count(None) == 30
    assert written("another") == {"event": "another"}
    now = 1.5
    assert written("same") == {"event": "same", "left_out": 31 - 1}
    assert written("same") == {"event": "same"}


def test_the_table_of_events_is_bounded() -> None:
    flood = Flood(lambda: 0.0)

    for number in range(5_000):
        flood(None, "info", {"event": f"event {number}"})

    assert len(flood._seen) <= 512


def test_the_standard_librarys_logging_comes_in_the_same_form() -> None:
    output = io.StringIO()
    configure_logging(Log(), output)

    logging.getLogger("a.library").error("it broke: %s", "why")
    logging.getLogger("a.library").info("a detail")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    first, second = lines(output)
    assert (first["level"], first["event"], first["logger"]) == ("error", "it broke: why", "a.library")
    assert (second["level"], second["logger"]) == ("warning", "py.warnings")


def test_a_second_configuration_takes_the_place_of_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(Log(), first)
    configure_logging(Log(), second)

    logging.getLogger("a.library").error("once")

    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    output = io.StringIO()
    log = configure_logging(Log(format="json"), output)
    output.close()

    log.info("nobody hears this")
