import numpy as np

from ctrbench.measure.blocks import BLOCKS, changes, user_blocks


def test_users_are_spread_over_blocks_whatever_their_order():
    blocks = user_blocks(np.arange(50_000))
    assert blocks.count == BLOCKS
    counts = np.bincount(blocks.codes, minlength=BLOCKS)
    assert 900 < counts.min() <= counts.max() < 1100
    neighbours = blocks.codes[1:] == blocks.codes[:-1]
    assert neighbours.mean() < 0.03


def test_a_users_block_depends_on_the_user_alone():
    users = np.array([7, 7, 3, 12_345, 3])
    codes = user_blocks(users).codes
    assert codes[0] == codes[1]
    assert codes[2] == codes[4]
    assert (user_blocks(users[::-1]).codes == codes[::-1]).all()


def test_changes_are_whole_numbers_of_the_unit():
    assert changes([0.5, None], [[0.50000123, None], [0.1, 0.2]]) == [[12, None], [None, None]]
