"""The gateway's own log: structured lines, JSON for machines and text for a terminal.

Every line is bounded, no secret reaches it, and a flood of one event is thinned out: the next line of that event says
how many were left out. What libraries write by the standard library's logging comes in the same form.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, TextIO, cast

import structlog
from apim_sdk import Secret
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from apim_core.config.server import Log

__all__ = ["Flood", "configure_logging"]

MAX_TEXT = 2_048
"""Characters of one fact."""
MAX_TRACEBACK = 8_192
"""Characters of a traceback."""
MAX_ITEMS = 32
"""Items of one list or mapping, and facts of one line."""
MAX_DEPTH = 4
"""Levels of lists and mappings in one another."""
MAX_PER_SECOND = 20
"""Lines of the same event in one second."""
MAX_EVENTS = 512
"""Different events that are counted at a time."""

_CONCEALED = "***"
_SENSITIVE = frozenset(
    {
        "authorization",
        "proxy_authorization",
        "cookie",
        "set_cookie",
        "password",
        "passphrase",
        "secret",
        "client_secret",
        "token",
        "access_token",
        "refresh_token",
        "id_token",
        "api_key",
        "apikey",
        "x_api_key",
        "private_key",
        "assertion",
        "credential",
    }
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROL_IN_TEXT = {code: text for code, text in _CONTROL.items() if code not in b"\n\t"}


def configure_logging(settings: Log, stream: TextIO | None = None, **facts: Any) -> FilteringBoundLogger:
    """The logger of this process; ``facts`` stand on every line.

    It writes to ``stream`` (standard error by default), and so does whatever uses the standard library's logging.
    """
    output = sys.stderr if stream is None else stream
    as_text = settings.format == "text" or (settings.format is None and output.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        Flood(time.monotonic),
        structlog.processors.format_exc_info,
        _conceal_and_bound,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _text if as_text else _json,
    ]
    wrapper = structlog.make_filtering_bound_logger(level)
    logger = structlog.wrap_logger(_Lines(output), processors, wrapper_class=wrapper).bind(**facts)
    _route_standard_library(cast(FilteringBoundLogger, logger), level)
    return cast(FilteringBoundLogger, logger)


class _Lines:
    """Writes a line at a time. A log that cannot be written must not end the gateway: such lines are counted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe, a closed stream
            self.lost += 1

    debug = info = warning = error = critical = exception = msg


class Flood:
    """Lets through so many lines of an event in a second; the next second's first line tells how many were not."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[float, int]] = {}

    def __call__(self, logger: Any, method: str, line: EventDict) -> EventDict:
        """See structlog's processors. Raises DropEvent."""
        event = str(line.get("event"))
        now = self._monotonic()
        began, count = self._seen.get(event, (now, 0))
        if now - began >= 1:
            if count > MAX_PER_SECOND:
                line["left_out"] = count - MAX_PER_SECOND
            began, count = now, 0
        if event not in self._seen and len(self._seen) >= MAX_EVENTS:
            del self._seen[next(iter(self._seen))]
        self._seen[event] = (began, count + 1)
        if count >= MAX_PER_SECOND:
            raise structlog.DropEvent
        return line


def _conceal_and_bound(logger: Any, method: str, line: EventDict) -> EventDict:
    traceback = line.pop("exception", None)
    bounded = cast(EventDict, _bounded(line, 0))
    if traceback is not None:
        # The end of a traceback says what happened.
        bounded["exception"] = traceback if len(traceback) <= MAX_TRACEBACK else "... " + traceback[-MAX_TRACEBACK:]
    return bounded


def _bounded(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret):
        return _CONCEALED
    if isinstance(value, Mapping | Set | Sequence) and not isinstance(value, str | bytes | bytearray):
        if depth == MAX_DEPTH:
            return "..."
        if isinstance(value, Mapping):
            return _bounded_mapping(value, depth)
        items = [_bounded(item, depth + 1) for _, item in zip(range(MAX_ITEMS), value, strict=False)]
        return items if len(value) <= MAX_ITEMS else [*items, f"... {len(value) - MAX_ITEMS} more"]
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... {len(text) - MAX_TEXT} more"


def _bounded_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    bounded: dict[str, Any] = {}
    for key in list(value)[:MAX_ITEMS]:
        sensitive = str(key).lower().replace("-", "_") in _SENSITIVE
        bounded[str(key)[:MAX_TEXT]] = _CONCEALED if sensitive else _bounded(value[key], depth + 1)
    if len(value) > MAX_ITEMS:
        bounded["..."] = f"{len(value) - MAX_ITEMS} more"
    return bounded


def _json(logger: Any, method: str, line: EventDict) -> str:
    first = {name: line.pop(name) for name in ("timestamp", "level", "event") if name in line}
    return json.dumps({**first, **line}, ensure_ascii=False)


def _text(logger: Any, method: str, line: EventDict) -> str:
    """``09:30:00.123 warning  event  name=value``; control characters, which could forge a line, are escaped.

    Text of several lines, such as the problems of a configuration, follows below and is indented.
    """
    time_of_day = str(line.pop("timestamp", ""))[11:23]
    level, event, traceback = line.pop("level", method), line.pop("event", ""), line.pop("exception", None)
    below = [text for name in [*line] if _is_long(line[name]) for text in line.pop(name)]
    facts = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in line.items()]
    shown = "  ".join(str(part).translate(_CONTROL) for part in (event, *facts))
    rest = "".join(f"\n    {part}" for text in below for part in text.translate(_CONTROL_IN_TEXT).split("\n"))
    return f"{time_of_day} {level:<8} {shown}{rest}" + (
        f"\n{traceback.translate(_CONTROL_IN_TEXT)}" if traceback else ""
    )


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and any("\n" in i for i in value)


class _Routed(logging.Handler):
    """Hands records of the standard library's logging to our logger."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            facts["exc_info"] = record.exc_info
        self._logger.log(record.levelno - record.levelno % 10 or logging.DEBUG, record.getMessage(), **facts)


def _route_standard_library(logger: FilteringBoundLogger, level: int) -> None:
    """The root logger is the process's, so the last configuration of this process is the one that counts."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Routed)]:
        root.removeHandler(handler)
    root.addHandler(_Routed(logger))
    # Libraries tell of every connection at "info"; that is detail here.
    root.setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.captureWarnings(True)
