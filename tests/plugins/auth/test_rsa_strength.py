"""RSA keys are trusted only if they are long enough, and not made by a library that makes them weak."""

from __future__ import annotations

import pytest
from apim_auth.rsa_strength import is_weak
from support.tokens import key

PRIMORIAL = 962947420735983927056946215901134429196419130606213075415963491270
"""The product of the first 39 primes, as CVE-2017-15361 has it for 512-bit keys."""


def modulus(size: int) -> int:
    found: int = key("rsa", "RSA", size).public_key.public_numbers().n
    return found


def test_a_key_of_2048_bits_is_not_weak() -> None:
    assert not is_weak(modulus(2048))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_short_key_is_weak() -> None:
    assert is_weak(modulus(1024))
    assert is_weak(2**2047 - 1)


def test_a_modulus_like_those_of_the_library_is_weak() -> None:
    first, second = ((k << 1100) * PRIMORIAL + pow(65537, e, PRIMORIAL) for k, e in ((3, 1234567), (5, 7654321)))

    assert 2048 <= (first * second).bit_length()
    assert is_weak(first * second)
    assert not is_weak(first * second + 2)
