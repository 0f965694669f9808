"""How CEL values are held in Python, and which CEL type a Python value has.

null None, bool bool, int int, uint `UInt`, double float, string str, bytes bytes, list tuple (or list), map dict (or
any Mapping), timestamp `Timestamp`, duration `Duration`, optional `Optional`, net.IP IPv4Address or IPv6Address,
net.CIDR IPv4Interface or IPv6Interface (which keeps the host bits). What resolvers give may also be a datetime,
timedelta, IP network, set, bytearray or a subclass of these; `native` turns it into the above where an operation
meets it, so that values which nothing looks at cost nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_interface
from types import MappingProxyType
from typing import Any, Final

import attrs

from apim_core.expressions import types
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import Type

INT_MINIMUM: Final = -(2**63)
INT_MAXIMUM: Final = 2**63 - 1
UINT_MAXIMUM: Final = 2**64 - 1

NANOSECONDS: Final = 1_000_000_000
TIMESTAMP_MINIMUM: Final = -62_135_596_800 * NANOSECONDS
TIMESTAMP_MAXIMUM: Final = 253_402_300_800 * NANOSECONDS - 1

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Missing:
    """The class of `MISSING`, which stands for "no value" where None is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


class UInt(int):
    """An unsigned 64-bit integer; Python's operators on it give plain ints."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"


@attrs.frozen(order=True)
class Timestamp:
    """An instant: nanoseconds since 1970-01-01T00:00:00Z, within the years 1 to 9999."""

    nanoseconds: int

    @classmethod
    def of(cls, nanoseconds: int) -> "Timestamp":
        if not TIMESTAMP_MINIMUM <= nanoseconds <= TIMESTAMP_MAXIMUM:
            raise EvaluationError("the timestamp is out of range (years 1 to 9999)")
        return cls(nanoseconds)

    @classmethod
    def from_datetime(cls, instant: datetime) -> "Timestamp":
        """A datetime without a zone is taken as UTC."""
        aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
        return cls.of(_nanoseconds(aware - EPOCH))

    def in_zone(self, zone: Any) -> datetime:
        """The wall clock there, without what is below a microsecond."""
        return (EPOCH + timedelta(microseconds=self.nanoseconds // 1000)).astimezone(zone)


@attrs.frozen(order=True)
class Duration:
    """A span in nanoseconds that fits 64 bits: about 292 years either way."""

    nanoseconds: int

    @classmethod
    def of(cls, nanoseconds: int) -> "Duration":
        if not INT_MINIMUM <= nanoseconds <= INT_MAXIMUM:
            raise EvaluationError("the duration is out of range (about 292 years)")
        return cls(nanoseconds)


@attrs.frozen(eq=False)
class Optional:
    """A value that may be absent; `NONE` is the absent one."""

    value: Any

    def __repr__(self) -> str:
        return "optional.none()" if self.value is MISSING else f"optional.of({self.value!r})"


NONE: Final = Optional(MISSING)


@attrs.frozen(eq=False)
class OpenMap(Mapping[Any, Any]):
    """A map from the gateway (headers, claims) whose absent keys read as null, and null as absent."""

    entries: Mapping[Any, Any]
    read: Callable[[str], Any] | None = None
    """Gives what one key holds, or None; knows at least the keys of `entries`."""

    def __getitem__(self, key: Any) -> Any:
        return self.entries[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    def get(self, key: Any, default: Any = None) -> Any:
        value = self.read(key) if self.read is not None and type(key) is str else self.entries.get(key)
        return default if value is None else value


class BooleanKeyedMap(Mapping[Any, Any]):
    """A map with `true` or `false` among its keys, which a dict would take for 1 and 0."""

    __slots__ = ("_booleans", "_others")

    def __init__(self, booleans: Mapping[bool, Any], others: Mapping[Any, Any]) -> None:
        self._booleans = booleans
        self._others = others

    def __getitem__(self, key: Any) -> Any:
        return (self._booleans if type(key) is bool else self._others)[key]

    def __iter__(self) -> Iterator[Any]:
        yield from self._booleans
        yield from self._others

    def __len__(self) -> int:
        return len(self._booleans) + len(self._others)


REPRESENTATIONS: Final[Mapping[Type, tuple[type, ...]]] = {
    types.NULL: (type(None),),
    types.BOOL: (bool,),
    types.INT: (int,),
    types.UINT: (UInt,),
    types.DOUBLE: (float,),
    types.STRING: (str,),
    types.BYTES: (bytes,),
    types.LIST: (tuple, list),
    types.MAP: (dict, OpenMap, BooleanKeyedMap, MappingProxyType),
    types.TYPE: (Type,),
    types.TIMESTAMP: (Timestamp,),
    types.DURATION: (Duration,),
    types.OPTIONAL: (Optional,),
    types.IP: (IPv4Address,),
    types.CIDR: (IPv4Interface, IPv6Interface),
}
"""The Python types that each CEL type is held in, whatever the value; besides, a net.IP may be an IPv6Address."""

_TYPES: Final[Mapping[type, Type]] = {
    IPv6Address: types.IP,
    **{held: kind for kind, all_held in REPRESENTATIONS.items() for held in all_held},
}


def native(value: Any) -> Any:
    """The same value in one of the `REPRESENTATIONS`; an `EvaluationError` if CEL has no such value."""
    if type(value) in _TYPES and type(value) is not IPv6Address:
        return value
    match value:
        case IPv6Address():
            return value.ipv4_mapped or value
        case str():
            return str.__str__(value)
        case UInt():
            return UInt(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case datetime():
            return Timestamp.from_datetime(value)
        case timedelta():
            return Duration.of(_nanoseconds(value))
        case IPv4Network() | IPv6Network():
            return ip_interface(value)
        case Mapping():
            return MappingProxyType(value)
        case Sequence() | AbstractSet():
            return tuple(value)
    raise EvaluationError(f"a Python value of type {type(value).__qualname__} has no meaning in an expression")


def type_of(value: Any) -> Type:
    """The CEL type of a value; an `EvaluationError` if CEL has no such value."""
    kind = _TYPES.get(type(value))
    return kind if kind is not None else _TYPES[type(native(value))]


def make_map(entries: Sequence[tuple[Any, Any]]) -> Mapping[Any, Any]:
    """A map of these entries; an `EvaluationError` for a repeated key or one that is not bool, int, uint or string."""
    made: dict[Any, Any] = {}
    booleans: dict[bool, Any] = {}
    for key, value in entries:
        key = key if type(key) in _KEYS else native(key)
        if type(key) not in _KEYS:
            raise EvaluationError(f"unsupported key type: {type_of(key)}; a map key is a bool, int, uint or string")
        part = booleans if type(key) is bool else made
        if key in part:
            raise EvaluationError(f"the map has a repeated key: {describe(key)}")
        part[key] = value
    return BooleanKeyedMap(booleans, made) if booleans else made


_CONSTANTS: Final[Mapping[bool | None, str]] = {True: "true", False: "false", None: "null"}
_KEYS: Final = frozenset({str, int, UInt, bool})


def find_key(mapping: Mapping[Any, Any], key: Any) -> Any:
    """What the map holds under the key, or `MISSING`; 1, 1u and 1.0 are one key, true is another."""
    kind = type(key)
    if kind is str:
        return mapping.get(key, MISSING)
    if kind is bool and type(mapping) is not BooleanKeyedMap:
        return MISSING
    if kind in _KEYS or kind is float:
        return mapping.get(key, MISSING)
    canonical = native(key)
    return MISSING if type(canonical) is kind else find_key(mapping, canonical)


def describe(value: Any) -> str:
    """The value for an error message, cut to a bearable length."""
    shown = _CONSTANTS[value] if value is None or value is True or value is False else ascii(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _nanoseconds(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * NANOSECONDS + span.microseconds * 1000
