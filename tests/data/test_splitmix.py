"""The finaliser of SplitMix64 against plain integers."""

import numpy as np
import torch

from ctrbench.data.splitmix import mixed

VALUES = [0, 1, 2**31, 2**32 + 7, 2**63 - 1]
MASK = 2**64 - 1


def finaliser(z):
    """As in the paper, on Python integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def signed(z):
    """The same bits as an int64."""
    return z - 2**64 if z & 2**63 else z


def with_arithmetic_shifts(z):
    """The finaliser on int64, whose right shifts copy the sign."""
    z = signed(((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK)
    z = signed(((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK)
    return z ^ (z >> 31)


def test_unsigned_values_are_those_of_the_paper():
    assert mixed(np.array(VALUES, dtype=np.uint64)).tolist() == [finaliser(z) for z in VALUES]


def test_signed_values_differ_by_their_shifts_alone():
    assert mixed(torch.tensor(VALUES), signed=True).tolist() == [with_arithmetic_shifts(z) for z in VALUES]


def test_neighbours_spread_evenly_over_buckets():
    hashed = mixed(torch.arange(100_000), signed=True) & 0x7FFF_FFFF_FFFF_FFFF
    counts = torch.bincount(hashed % 100)
    assert counts.min() > 850
    assert counts.max() < 1150
