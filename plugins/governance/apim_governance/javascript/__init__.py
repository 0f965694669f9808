"""Functions of rulesets in JavaScript, for those who allow them: run by QuickJS, in a process that can do nothing else.

    modules     what a file imports and exports, rewritten for an engine that has no modules
    process     what runs in the process: one QuickJS context for each file, bounded in memory, stack and time
    engine      the process from our side: started when it is needed, ended when it takes too long
    functions   the functions of a ruleset, as rules call them

Nothing of Python can be reached from JavaScript, and what comes back is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apim_governance.rulesets.reading import Scripts

__all__ = ["scripts"]


def scripts(allowed: bool) -> Scripts | None:
    """What loads functions in JavaScript, where they are allowed."""
    if not allowed:
        return None
    from apim_governance.javascript.functions import JavaScript

    return JavaScript()
