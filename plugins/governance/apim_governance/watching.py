"""``--watch``: lint, and again whenever a file in the folders of the documents and the ruleset changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Final

from watchfiles import DefaultFilter
from watchfiles import watch as changes

from apim_governance.linting import Linting
from apim_governance.rulesets.reading import RulesetError
from apim_governance.sources import is_url
from apim_governance.telling import Refused, error_text

__all__ = ["watch"]

_KINDS: Final = (".yaml", ".yml", ".json")
_PAUSE: Final = 200
"""Milliseconds."""


def watch(linting: Linting) -> int:
    """Lint until somebody ends it; the exit status is that of the last run."""
    setting = linting.setting()
    status = 0
    names = [name for name in (*linting.files(), os.path.abspath(setting.ruleset)) if not is_url(name)]
    folders = {os.path.dirname(name) for name in names}
    written = {os.path.abspath(place) for place in linting.outputs.values()}

    class Documents(DefaultFilter):
        """JSON and YAML, but for what the command itself writes."""

        def __call__(self, change: object, path: str) -> bool:
            return path.endswith(_KINDS) and path not in written

    begun = False
    try:
        with _interruption() as stop:
            # A first pause without changes tells that the folders are watched: what changes from then on is not missed.
            for changed in changes(
                *folders, watch_filter=Documents(), stop_event=stop, rust_timeout=_PAUSE, yield_on_timeout=True
            ):
                if changed or not begun:
                    begun = True
                    status = _once(linting)
    except KeyboardInterrupt:
        return status
    return status


@contextmanager
def _interruption() -> Iterator[Event]:
    """Set by the first SIGINT, so that a run is finished whose findings are told already; a second one interrupts."""
    stop = Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _once(linting: Linting) -> int:
    """One run; what is wrong or missing is told, and may be mended while the command waits."""
    try:
        return linting.run()
    except (Refused, RulesetError, OSError) as error:
        print(error_text(error), flush=True)
        return 2
