"""Signatures over ``GET http://api.example/x`` by a shared secret; nothing of ours is used to make them."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Final

__all__ = ["MADE", "draft_signature", "nonce_signature"]

MADE: Final = 1_402_170_695
_SECRET: Final = b"a secret of sixteen bytes"


def _signed(text: str) -> str:
    return b64encode(hmac.digest(_SECRET, text.encode(), "sha256")).decode()


def draft_signature() -> list[tuple[str, str]]:
    """The field of draft-cavage-http-signatures-12."""
    value = _signed(f"(request-target): get /x\nhost: api.example\n(created): {MADE}")
    parameters = f'keyId="k",created={MADE},headers="(request-target) host (created)"'
    return [("Authorization", f'Signature {parameters},signature="{value}"')]


def nonce_signature() -> list[tuple[str, str]]:
    """The fields of RFC 9421, with a nonce."""
    given = f'("@method" "@authority" "@path" "@query");created={MADE};keyid="k";nonce="n"'
    lines = [
        '"@method": GET',
        '"@authority": api.example',
        '"@path": /x',
        '"@query": ?',
        f'"@signature-params": {given}',
    ]
    return [("Signature-Input", f"sig={given}"), ("Signature", f"sig=:{_signed(chr(10).join(lines))}:")]
