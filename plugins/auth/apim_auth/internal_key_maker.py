"""Make a test key for one API, as a command too: ``python -m apim_auth.internal_key_maker --help``."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apim_sdk import API, Duration
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from apim_auth.internal_key import claims_for
from apim_auth.jws import algorithm_of

__all__ = ["main", "make_internal_key"]


def make_internal_key(private_key: bytes, api: API, subject: str, *, lifetime: float, now: float) -> str:
    """A test key for ``api``, good for ``lifetime`` seconds from ``now``, in seconds since the epoch.

    ``private_key`` is PEM or a JSON Web Key. Raises ValueError unless it is a private key that can sign.
    """
    key = _imported(private_key)
    algorithm = algorithm_of(key.as_dict(private=False))
    if algorithm is None or not key.is_private:
        raise ValueError("the key cannot sign test keys: take a private key of Ed25519, P-256 or RSA")
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key.kid} if key.kid else {})}
    claims = claims_for(api, subject, secrets.token_urlsafe(16), now, lifetime)
    text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{text}.{_encoded(JWSRegistry.algorithms[algorithm].sign(text.encode('ascii'), key))}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a test key; 1, with the reason, if that cannot be had."""
    parser = argparse.ArgumentParser("apim_auth.internal_key_maker", description="Make a test key for one API.")
    parser.add_argument("private_key", type=Path, help="file with the private key, PEM or a JSON Web Key")
    parser.add_argument("name", help="name of the API")
    parser.add_argument("version", help="its version")
    parser.add_argument("context", help="its context path, such as /orders/1.0")
    parser.add_argument("--subject", default="tester", help="who tries it out (default: tester)")
    parser.add_argument("--lifetime", type=Duration, default=Duration("1h"), help="for how long (default: 1h)")
    given = parser.parse_args(arguments)
    try:
        api = API(given.name, given.version, given.context)
        key = given.private_key.read_bytes()
        made = make_internal_key(key, api, given.subject, lifetime=given.lifetime, now=time.time())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{given.private_key}: {error}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _imported(text: bytes) -> Any:
    """The key. Raises ValueError."""
    if b"-----BEGIN " not in text:
        try:
            return import_key(json.loads(text))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"it is neither PEM nor a JSON Web Key: {error}") from error
    for kind in (OKPKey, ECKey, RSAKey):
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("it holds no key that is known here")


if __name__ == "__main__":
    sys.exit(main())
