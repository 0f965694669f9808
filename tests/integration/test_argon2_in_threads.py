"""Argon2 in several threads at a time: OpenSSL's derivations can wait for each other for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

from apim_auth.users_passwords import matches
from apim_keymanagers.resident.passwords import _verify, hash_password

HASHES = 8
"""Of each thread; without a turn for each, two threads hung by then, six times out of six."""


def test_no_hash_waits_for_another_for_ever() -> None:
    kept = hash_password("swordfish")
    held: list[bool] = []

    def hold(check: Callable[[], bool]) -> None:
        held.extend(check() for _ in range(HASHES))

    checks = (lambda: matches(kept, b"swordfish"), lambda: _verify("swordfish", kept), lambda: not _verify("x", None))
    threads = [threading.Thread(target=hold, args=[check], daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [True] * HASHES * len(checks) == held
