"""Keywords for lists."""

from __future__ import annotations

from operator import ge, le
from typing import Any

from apim_governance.json_schema.errors import Check, Evaluated, Place, Run
from apim_governance.json_schema.nodes import Node
from apim_governance.json_schema.values import TYPES, equal, shown

__all__ = [
    "additional_items",
    "contains",
    "item_count",
    "items",
    "items_after_prefix",
    "prefix_items",
    "unevaluated_items",
    "unique_items",
]


def item_count(node: Node, keyword: str) -> Check:
    """``maxItems`` and ``minItems``."""
    bound = node.schema[keyword]
    fail = node.failing(keyword)
    holds, word = (le, "more") if keyword == "maxItems" else (ge, "fewer")
    message = f"must NOT have {word} than {shown(bound)} items"

    def check(data: Any, place: Place, run: Run) -> bool:
        return holds(len(data), bound) or fail(run, place, message, limit=bound)

    return check


def items(node: Node, keyword: str) -> Check | None:
    """``items`` up to 2019-09: a schema for all, or a list of schemas for the first ones."""
    if isinstance(node.schema[keyword], list):
        return prefix_items(node, keyword)
    return _rest(node, keyword, 0)


def prefix_items(node: Node, keyword: str) -> Check | None:
    """A schema each for the first items."""
    schemas = node.schema[keyword]
    parts = [
        (index, node.child(keyword, index)) for index, schema in enumerate(schemas) if not node.always_valid(schema)
    ]
    count = len(schemas)
    tracked = node.compiler.tracked
    if not parts and not tracked:
        return None

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        length = len(data)
        for index, part in parts:
            if index < length and not part(data[index], (place, index), run):
                if not run.all_errors:
                    return False
                valid = False
        if tracked:
            _evaluate(run.evaluated, count)
        return valid

    return check


def items_after_prefix(node: Node, keyword: str) -> Check | None:
    """``items`` of 2020-12: a schema for all that ``prefixItems`` does not speak of."""
    prefix = node.schema.get("prefixItems")
    if prefix:
        return _additional(node, keyword, len(prefix))
    return _rest(node, keyword, 0)


def additional_items(node: Node, keyword: str) -> Check | None:
    """``additionalItems``: a schema for all behind a list of schemas."""
    first = node.schema.get("items")
    return _additional(node, keyword, len(first)) if isinstance(first, list) else None


def _additional(node: Node, keyword: str, start: int) -> Check | None:
    if node.schema[keyword] is not False:
        return _rest(node, keyword, start)
    fail = node.failing(keyword)
    message = f"must NOT have more than {start} items"

    def check(data: Any, place: Place, run: Run) -> bool:
        return len(data) <= start or fail(run, place, message, limit=start)

    return check


def _rest(node: Node, keyword: str, start: int) -> Check | None:
    tracked = node.compiler.tracked
    if node.always_valid(node.schema[keyword]) and not tracked:
        return None
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for index in range(start, len(data)):
            if not part(data[index], (place, index), run):
                if not run.all_errors:
                    return False
                valid = False
        if tracked:
            run.evaluated.first = True
        return valid

    return check


def _evaluate(evaluated: Evaluated, count: int) -> None:
    if evaluated.first is not True:
        evaluated.first = max(evaluated.first, count)


def contains(node: Node, keyword: str) -> Check | None:
    """``contains``, with ``minContains`` and ``maxContains`` where the dialect has them."""
    counted = node.compiler.dialect.counts_contained
    least = node.schema.get("minContains", 1) if counted else 1
    most = node.schema.get("maxContains") if counted else None
    if most is None and least == 0 and not node.compiler.tracked:
        return None
    fail = node.failing(keyword)
    ending = (
        f"at least {shown(least)}" + ("" if most is None else f" and no more than {shown(most)}") + " valid item(s)"
    )
    params = {"minContains": least} if most is None else {"minContains": least, "maxContains": most}
    part = node.child(keyword)
    tracked = node.compiler.tracked
    enough_is_known = most is None and not tracked

    def check(data: Any, place: Place, run: Run) -> bool:
        start = len(run.errors)
        composite, run.composite = run.composite, True
        found = 0
        for index, item in enumerate(data):
            if part(item, (place, index), run):
                found += 1
                run.evaluated.items.add(index)
                if enough_is_known and found >= least:
                    break
        run.composite = composite
        if found >= least and (most is None or found <= most):
            del run.errors[start:]
            return True
        if not (composite or run.all_errors):
            del run.errors[start:]
        return fail(run, place, f"must contain {ending}", **params)

    return check


def unique_items(node: Node, keyword: str) -> Check | None:
    """``uniqueItems``; the last items that are alike are told."""
    if node.schema[keyword] is not True:
        return None
    fail = node.failing(keyword)
    types = _simple_types(node)

    def check(data: Any, place: Place, run: Run) -> bool:
        found = _alike(data) if types is None else _first_alike(data, types)
        if found is None:
            return True
        one, other = found
        message = f"must NOT have duplicate items (items ## {other} and {one} are identical)"
        return fail(run, place, message, i=one, j=other)

    return check


def _simple_types(node: Node) -> list[str] | None:
    """The types of items, where the schema says that they hold no values themselves."""
    items = node.schema.get("items")
    written = items.get("type") if isinstance(items, dict) else None
    types = [written] if isinstance(written, str) else written
    if not isinstance(types, list) or not types or "array" in types or "object" in types:
        return None
    return types


def _first_alike(data: list[Any], types: list[str]) -> tuple[int, int] | None:
    """As ``_alike`` for items of these types only; the earlier one of the two is told as if it came later."""
    seen: dict[Any, int] = {}
    for index in range(len(data) - 1, -1, -1):
        item = data[index]
        if any(TYPES[kind](item) for kind in types if kind in TYPES):
            if _key(item) in seen:
                return index, seen[_key(item)]
            seen[_key(item)] = index
    return None


def _alike(data: list[Any]) -> tuple[int, int] | None:
    """The last item that is there before, and where. Texts, and lists or mappings of few items, cost no comparison."""
    seen: dict[Any, list[int]] = {}
    found: tuple[int, int] | None = None
    for index, item in enumerate(data):
        key = _key(item)
        same = seen.setdefault(key, [])
        for before in reversed(same):
            if equal(item, data[before]):
                found = index, before
                break
        same.append(index)
    return found


def _key(item: Any, deepest: int = 3) -> Any:
    """Equal items have equal keys."""
    if isinstance(item, bool):
        return ("boolean", item)
    if isinstance(item, list):
        return ("list", len(item), *(_key(each, deepest - 1) for each in item[:4] if deepest))
    if isinstance(item, dict):
        names = sorted(item)
        return ("dict", *names, *(_key(item[name], deepest - 1) for name in names[:8] if deepest))
    return item


def unevaluated_items(node: Node, keyword: str) -> Check | None:
    """``unevaluatedItems``: for items that no other keyword has looked at."""
    schema = node.schema[keyword]
    fail = node.failing(keyword)
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        evaluated = run.evaluated
        if evaluated.first is True:
            return True
        first: int = evaluated.first
        rest = [index for index in range(first, len(data)) if index not in evaluated.items]
        valid = True
        if schema is False and rest:
            return fail(run, place, f"must NOT have more than {first} items", limit=first)
        for index in rest:
            if not part(data[index], (place, index), run):
                valid = False
                if not run.all_errors:
                    break
        evaluated.first = True
        return valid

    return check
