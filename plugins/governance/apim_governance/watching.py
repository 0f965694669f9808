"""``--watch``: lint, and again whenever a file in the folders of the documents and the ruleset changes."""

from __future__ import annotations

import os
from typing import Final

from watchfiles import DefaultFilter
from watchfiles import watch as changes

from apim_governance.linting import Linting
from apim_governance.rulesets.reading import RulesetError
from apim_governance.sources import is_url
from apim_governance.telling import error_text

__all__ = ["watch"]

_KINDS: Final = (".yaml", ".yml", ".json")


def watch(linting: Linting) -> int:
    """Lint until somebody ends it; the exit status is that of the last run."""
    setting = linting.setting()
    status = _once(linting)
    names = [name for name in (*linting.files(), os.path.abspath(setting.ruleset)) if not is_url(name)]
    folders = {os.path.dirname(name) for name in names}
    written = {os.path.abspath(place) for place in linting.outputs.values()}

    class Documents(DefaultFilter):
        """JSON and YAML, but for what the command itself writes."""

        def __call__(self, change: object, path: str) -> bool:
            return path.endswith(_KINDS) and path not in written

    for _ in changes(*folders, watch_filter=Documents(), raise_interrupt=False):
        status = _once(linting)
    return status


def _once(linting: Linting) -> int:
    """One run; what is wrong with the ruleset or a document is told, and may be mended while the command waits."""
    try:
        return linting.run()
    except (RulesetError, OSError) as error:
        print(error_text(error), flush=True)
        return 2
