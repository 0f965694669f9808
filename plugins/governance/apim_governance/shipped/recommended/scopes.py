"""``writesScoped``: a token alone does not allow to write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.recommended.apis import READING, authenticators, method_of, operations, plans, steps

__all__ = ["WritesScoped"]

_TOKENS: Final = frozenset({"jwt", "oauth2"})
_DECIDING: Final = frozenset({"require-scopes", "require-claims", "require", "cedar", "opa", "openfga"})


@attrs.frozen
class WritesScoped(RulesetFunction):
    """Looks at an API with a plan for OAuth tokens: each operation that may write has scopes, or a policy decides.

    Where a definition brings the scopes, it is not looked at.
    """

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or target.get("definition"):
            return
        if not any(not _TOKENS.isdisjoint(authenticators(plan)) for _, plan in plans(target)):
            return
        if not _DECIDING.isdisjoint(steps(target, "request")):
            return
        for index, operation in operations(target):
            decided = operation.get("scopes") or not _DECIDING.isdisjoint(steps(operation, "request"))
            if method_of(operation) not in READING and not decided and operation.get("authentication") != "none":
                yield Violation(
                    f"{operation.get('match')} wants no scope: any token may write",
                    (*context.path, "operations", index, "match"),
                )
