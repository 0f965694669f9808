"""What rules call to judge a value: each function of the ruleset language in a module of its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apim_sdk.governance import RulesetFunction

from apim_governance.functions.alphabetical import Alphabetical
from apim_governance.functions.casing import Casing
from apim_governance.functions.enumeration import Enumeration
from apim_governance.functions.length import Length
from apim_governance.functions.pattern import Pattern
from apim_governance.functions.presence import Defined, Falsy, Truthy, Undefined
from apim_governance.functions.schema import Schema
from apim_governance.functions.typed_enum import TypedEnum
from apim_governance.functions.unreferenced import UnreferencedReusableObject
from apim_governance.functions.xor import Or, Xor

__all__ = ["CORE"]

CORE: Final[Mapping[str, type[RulesetFunction]]] = MappingProxyType(
    {
        "alphabetical": Alphabetical,
        "casing": Casing,
        "defined": Defined,
        "enumeration": Enumeration,
        "falsy": Falsy,
        "length": Length,
        "or": Or,
        "pattern": Pattern,
        "schema": Schema,
        "truthy": Truthy,
        "typedEnum": TypedEnum,
        "undefined": Undefined,
        "unreferencedReusableObject": UnreferencedReusableObject,
        "xor": Xor,
    }
)
"""The functions of the language, by name."""
