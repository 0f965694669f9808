"""Require claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Exchange, Policy, Regex, Reject, errors, state

__all__ = ["ClaimRule", "RequireClaims"]

_ABSENT: Final = object()
_NOTHING: Final[Mapping[str, Any]] = {}

Holds = Callable[[Any], bool]


@attrs.frozen
class ClaimRule:
    """What a claim must be; of a list, one value must be so. Where several are given, all of them hold."""

    equals: Any = None
    """The value: text, a number, true or false."""
    one_of: tuple[Any, ...] = ()
    """The values of which it is one."""
    matches: Regex | None = None
    """A regular expression (RE2) that its whole text matches."""
    present: bool | None = None
    """Whether it has to be there at all, or (`false`) must not be."""

    def __attrs_post_init__(self) -> None:
        says_what = self.equals is not None or bool(self.one_of) or self.matches is not None
        if self.present is False and says_what:
            raise ValueError("a claim that must not be there cannot be of a value, too")
        if self.present is None and not says_what:
            raise ValueError("say what the claim must be: `equals`, `one_of`, `matches` or `present`")

    def holds(self, claim: Any) -> bool:
        """Whether a claim, or ``_ABSENT``, is as required."""
        if claim is _ABSENT or claim is None:
            return self.present is False
        if self.present is False:
            return False
        return any(self._fits(value) for value in (claim if isinstance(claim, list | tuple) else (claim,)))

    def _fits(self, value: Any) -> bool:
        if self.equals is not None and not _same(value, self.equals):
            return False
        if self.one_of and not any(_same(value, one) for one in self.one_of):
            return False
        return self.matches is None or (isinstance(value, str) and bool(self.matches.fullmatch(value)))


@attrs.frozen
class RequireClaims(Policy):
    """Refuses with 403 who has no token with claims as required."""

    example: ClassVar[Any] = {
        "claims": {
            "tenant": {"equals": "acme"},
            "tier": {"one_of": ["gold", "silver"]},
            "email": {"matches": ".*@acme\\.example"},
            "act": {"present": False},
        }
    }

    claims: Mapping[str, ClaimRule] = attrs.field(validator=attrs.validators.min_len(1), hash=False)
    """What claims must be, by their names. Where no claim has the name, its dots lead into claims:
    `realm_access.roles`."""
    _rules: tuple[tuple[str, tuple[str, ...], Holds], ...] = state()

    def __attrs_post_init__(self) -> None:
        self.hold(_rules=tuple((name, tuple(name.split(".")), rule.holds) for name, rule in self.claims.items()))

    def on_request(self, exchange: Exchange) -> None:
        principal = exchange.principal
        claims = _NOTHING if principal is None else principal.claims
        for name, path, holds in self._rules:
            if not holds(claims[name] if name in claims else _follow(claims, path)):
                raise Reject(errors.CLAIM_MISMATCH, detail=f"the claim {name} is not as required")


def _follow(claims: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(claims, Mapping) or name not in claims:
            return _ABSENT
        claims = claims[name]
    return claims


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: ``1`` is not ``true``, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
