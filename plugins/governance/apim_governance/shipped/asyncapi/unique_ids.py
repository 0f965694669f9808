"""``asyncApi2OperationIdUniqueness`` and ``asyncApi2MessageIdUniqueness``: ids are given once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.shipped.asyncapi.operations import Placed, messages_of, operations_of

__all__ = ["UniqueMessageIds", "UniqueOperationIds"]


@attrs.frozen
class UniqueOperationIds(RulesetFunction):
    """Looks at a whole document: no two operations have the same ``operationId``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for path in _repeated(operations_of(target), "operationId"):
            yield Violation('"operationId" must be unique across all the operations.', path)


@attrs.frozen
class UniqueMessageIds(RulesetFunction):
    """Looks at a whole document: no two messages have the same ``messageId``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        for path in _repeated(messages_of(target), "messageId"):
            yield Violation('"messageId" must be unique across all the messages.', path)


def _repeated(placed: Iterable[Placed], member: str) -> Iterator[JSONPath]:
    seen: set[str] = set()
    for path, value in placed:
        found = _own(value, member)
        if found is None:
            continue
        place, identity = found
        if identity in seen:
            yield (*path, *place)
        seen.add(identity)


def _own(value: dict[str, Any], member: str) -> tuple[JSONPath, str] | None:
    """The id of something and where it stands: in the last of its traits that has one, else in itself."""
    traits = value.get("traits")
    for index, trait in reversed(list(enumerate(traits if isinstance(traits, list) else ()))):
        if isinstance(trait, dict) and isinstance(trait.get(member), str):
            return ("traits", index, member), trait[member]
    own = value.get(member)
    return ((member,), own) if isinstance(own, str) else None
