import numpy as np

from ctrbench.prepare.oncold.blocks import BLOCK_USERS, histories, make_block


def test_clicks_of_the_same_second_are_no_history():
    user = np.array([0, 0, 0, 0, 1, 1])
    second = np.array([5, 5, 5, 9, 5, 6])
    click = np.array([True, False, True, True, True, False])
    start, length = histories(user, second, click)
    assert start.tolist() == [0, 0, 0, 0, 3, 3]
    assert length.tolist() == [0, 0, 0, 2, 0, 1]


def test_users_are_numbered_on_from_block_to_block(plan):
    first, second = (make_block(plan, number) for number in (0, 1))
    assert (first.rows["user"].min(), first.rows["user"].max()) == (1, BLOCK_USERS)
    assert (second.rows["user"].min(), second.rows["user"].max()) == (BLOCK_USERS + 1, plan.users)
    assert len(second.users["age"]) == plan.users - BLOCK_USERS
