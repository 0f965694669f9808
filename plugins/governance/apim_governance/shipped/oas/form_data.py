"""``oasOpFormDataConsumeCheck``: who takes form data says that forms are consumed (OpenAPI 2.0)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

__all__ = ["FormDataConsumed"]

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@attrs.frozen
class FormDataConsumed(RulesetFunction):
    """Looks at operations that have both ``parameters`` and ``consumes``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        parameters, consumes = target.get("parameters"), target.get("consumes")
        if not isinstance(parameters, list) or not isinstance(consumes, list):
            return
        takes_forms = any(isinstance(each, dict) and each.get("in") == "formData" for each in parameters)
        if takes_forms and not any(form in str(each) for each in consumes for form in _FORMS):
            yield (
                "Consumes must include urlencoded, multipart, or form-data media type when using formData parameter."
            )
