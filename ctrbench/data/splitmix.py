"""A well-spread hash of 64-bit integers: the finaliser of SplitMix64.

Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014 (mix64variant13).
"""

from typing import Any, TypeVar

A = TypeVar("A", bound=Any)

STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = 31


def mixed(x: A, *, signed: bool = False) -> A:
    """The hash of every element, in the type of ``x``.

    Args:
        x: numpy uint64 of any shape; or torch int64, whose factors are the same bits but whose shifts keep the sign, so
            that the values differ from those of the unsigned type.
        signed: whether the elements have a sign.
    """
    for shift, factor in STEPS:
        x = (x ^ (x >> shift)) * (factor - (1 << 64) if signed else factor)
    return x ^ (x >> LAST_SHIFT)
