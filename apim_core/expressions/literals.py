"""The values of number, string and bytes literals (cel-spec langdef, "String and Bytes Values")."""

import math
import re

from apim_core.expressions.values import UInt

_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\?\"'`])|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<wrong>.?))",
    re.DOTALL,
)
_LONGEST_NUMBER = 400
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def decode_number(text: str) -> int | float:
    """An int, UInt or float, or a ValueError if it is far too large.

    The range of integers is for the parser to check, since the sign is not part of the literal.
    """
    digits = text.rstrip("uU")
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number has at most {_LONGEST_NUMBER} characters")
    if digits[:2] in ("0x", "0X"):
        number = int(digits[2:], 16)
    elif digits.isdigit():
        number = int(digits)
    else:
        fractional = float(text)
        if math.isinf(fractional):
            raise ValueError("the number does not fit a double")
        return fractional
    return UInt(number) if len(digits) < len(text) else number


def decode_text(body: str, *, raw: bool, as_bytes: bool) -> str | bytes:
    """What stands between the quotes, as str or bytes; a ValueError says which escape is wrong."""
    if as_bytes:
        return body.encode() if raw else _decode_bytes(body)
    return body if raw else _ESCAPE.sub(_character, body)


def _character(escape: re.Match[str]) -> str:
    if escape["simple"]:
        return _SIMPLE.get(escape["simple"], escape["simple"])
    if escape["wrong"] is not None:
        raise ValueError(f"unknown escape {escape[0]!a}; write '\\\\' for a backslash, or use r'...'")
    if escape["octal"]:
        return chr(int(escape["octal"], 8))
    code = int(escape["hex"] or escape["short"] or escape["long"], 16)
    if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        raise ValueError(f"the escape {escape[0]} is no Unicode character")
    return chr(code)


def _decode_bytes(body: str) -> bytes:
    made, position = bytearray(), 0
    for escape in _ESCAPE.finditer(body):
        if escape["short"] or escape["long"]:
            raise ValueError(f"the escape {escape[0]} has no meaning in bytes; use \\x")
        made += body[position : escape.start()].encode()
        made.append(ord(_character(escape)))
        position = escape.end()
    return bytes(made + body[position:].encode())
