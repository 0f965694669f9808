"""RSA keys that are too weak to trust a signature by them."""

from __future__ import annotations

from typing import Final

__all__ = ["is_weak"]

_LEAST_BITS: Final = 2048
"""RFC 7518, section 3.3."""
_GENERATOR: Final = 65537
_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
"""Primes modulo which the powers of the generator are at most half of all remainders."""


def is_weak(modulus: int) -> bool:
    """Whether a modulus is too short, or made by the library of CVE-2017-15361 (ROCA), whose moduli can be factored.

    Those primes are made of powers of 65537, so that modulo each small prime the modulus is in the subgroup that
    65537 generates. That holds by chance for fewer than one sound key in a hundred million.
    """
    return modulus.bit_length() < _LEAST_BITS or all(_is_power(modulus, prime) for prime in _PRIMES)


def _is_power(modulus: int, prime: int) -> bool:
    """Whether the modulus is a power of the generator, modulo a prime."""
    power = 1
    for _ in range(prime - 1):
        power = power * _GENERATOR % prime
        if power == modulus % prime:
            return True
        if power == 1:
            break
    return False
