"""Require that a rule holds."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import ErrorKind, EvaluationError, Exchange, Expression, Policy, Reject, state

__all__ = ["Require"]


@attrs.frozen
class Require(Policy):
    """Refuses unless a rule, an expression in CEL, is true. One with an error in it, or of another value, refuses."""

    example: ClassVar[Any] = {
        "rule": "claims.tenant == path.tenant || 'admin' in principal.scopes",
        "message": "This is not your tenant",
    }

    rule: Expression
    """The expression that must be true."""
    message: str = "This call is not allowed"
    """What the client is told otherwise."""
    status_: int = attrs.field(default=403, validator=(attrs.validators.ge(400), attrs.validators.le(499)))
    """Status of the refusal."""
    _kind: ErrorKind = state()

    def __attrs_post_init__(self) -> None:
        plain = Reject(self.status_).kind
        self.hold(_kind=attrs.evolve(plain, key="REQUIREMENT_NOT_MET"))

    def on_request(self, exchange: Exchange) -> None:
        try:
            value = self.rule.evaluate(exchange)
        except EvaluationError as error:
            raise Reject(self._kind, self.message, detail=f"the rule has an error: {error}") from error
        if value is not True:
            raise Reject(self._kind, self.message, detail=f"the rule is {str(value).lower():.100}")
