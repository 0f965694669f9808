"""The types of CEL as values, as `type(x)` gives them (cel-spec langdef, "Values")."""

import attrs


@attrs.frozen(eq=False)
class Type:
    """A CEL type. Types are compared by identity: there is one object for each."""

    name: str

    def __str__(self) -> str:
        return self.name


NULL = Type("null_type")
BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
LIST = Type("list")
MAP = Type("map")
TYPE = Type("type")
TIMESTAMP = Type("google.protobuf.Timestamp")
DURATION = Type("google.protobuf.Duration")
OPTIONAL = Type("optional_type")
IP = Type("net.IP")
CIDR = Type("net.CIDR")
DYN = Type("dyn")
"""Stands for any type in a signature; it is no value of its own."""


NAMED_TYPES = {
    each.name: each
    for each in (
        NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES, LIST, MAP, TYPE, TIMESTAMP, DURATION, OPTIONAL, IP, CIDR,
    )
}  # fmt: skip
"""The types that an expression can name."""
