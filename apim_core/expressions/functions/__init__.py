"""The functions that expressions can call: one module a subject, each with its table of overloads."""

from apim_core.expressions.functions.arithmetic import ARITHMETIC
from apim_core.expressions.functions.collections import COLLECTIONS
from apim_core.expressions.functions.conversions import CONVERSIONS
from apim_core.expressions.functions.encoders import ENCODERS
from apim_core.expressions.functions.math import MATH
from apim_core.expressions.functions.network import NETWORK
from apim_core.expressions.functions.optionals import OPTIONALS
from apim_core.expressions.functions.strings import STRINGS
from apim_core.expressions.functions.time import TIME
from apim_core.expressions.overloads import Library

ALL_FUNCTIONS = Library.of(
    (*ARITHMETIC, *COLLECTIONS, *CONVERSIONS, *ENCODERS, *MATH, *NETWORK, *OPTIONALS, *STRINGS, *TIME)
)
"""Every function of an expression."""
