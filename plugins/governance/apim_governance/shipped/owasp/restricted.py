"""``checkSecurity``: operations ask for a credential."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.shipped.oas.operations import operations_of

__all__ = ["Restricted"]


@attrs.frozen
class Restricted(RulesetFunction):
    """Looks at a whole document: operations of some methods must have a security requirement, own or common."""

    methods: tuple[str, ...] | None = None
    """The methods; without them, all."""
    nullable: bool | None = None
    """False where a requirement may not be empty, which would let everybody in."""
    schemes: str = ""
    """What stands at the end of the path of a finding."""

    @classmethod
    def from_options(cls, written: Any) -> Restricted:
        """See ``functions.function``."""
        options = Options("checkSecurity", written, ("schemesPath", "nullable", "methods"), '{ "methods": ["post"] }')
        methods = options.get("methods", list, "must be a list of methods")
        nullable = options.get("nullable", bool, "accepts only the following types: boolean")
        schemes = options.get("schemesPath", list, "must be a list of names", [])
        options.check()
        return cls(None if methods is None else tuple(methods), nullable, ",".join(map(str, schemes)))

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        for path, method, operation in operations_of(target.get("paths")):
            if self.methods is not None and method not in self.methods:
                continue
            own = "security" in operation
            security = operation["security"] if own else target.get("security")
            where = f"{path},{method}" if own else "$.security"
            place = ("paths", path, method, "security")
            if security is None or security == []:
                yield Violation(f"Operation has undefined security scheme in {where}.", (*place, self.schemes))
            if isinstance(security, list) and self.nullable is False:
                for index, requirement in enumerate(security):
                    if requirement == {}:
                        text = f"Operation referencing empty security scheme in {where}."
                        yield Violation(text, (*place, index))
