"""Base64 (the encoders extension of cel-go; RFC 4648 section 4, padding optional when decoding)."""

import base64
import binascii

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.overloads import function
from apim_core.expressions.types import BYTES, STRING


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvaluationError(f"base64.decode: {error}") from None


ENCODERS = (
    function("base64.encode", (BYTES,), STRING, lambda data: base64.b64encode(data).decode("ascii")),
    function("base64.decode", (STRING,), BYTES, _decode),
)
"""The overloads of `base64.encode` and `base64.decode`."""
