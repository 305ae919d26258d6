import numpy as np

from ctrbench.data.schema import Split
from ctrbench.prepare.oncold import blocks
from ctrbench.prepare.oncold.blocks import BLOCK_USERS, make_block
from ctrbench.prepare.rows import histories
from ctrbench.prepare.split import calendar


def test_histories_and_split_are_those_of_the_common_rules(plan, monkeypatch):
    def recorded(user, time, click, *, apart):
        asked["apart"] = apart
        return histories(user, time, click, apart=apart)

    def days(time, first_test_day, validation_days):
        asked["days"].append((first_test_day, validation_days))
        return calendar(time, first_test_day, validation_days)

    asked = {"days": []}
    monkeypatch.setattr(blocks, "histories", recorded)
    monkeypatch.setattr(blocks, "calendar", days)
    block = make_block(plan, 0)
    assert asked == {"apart": True, "days": [(80, 10), (60, 0)]}
    day = (block.rows["time"] - plan.parameters.epoch) // 86_400
    assert (block.rows["split"] == np.where(day >= 80, Split.TEST, np.where(day >= 70, Split.VALIDATION, 0))).all()
    assert (block.rows["search_holdout"] == ((day >= 60) & (day < 70))).all()


def test_users_are_numbered_on_from_block_to_block(plan):
    first, second = (make_block(plan, number) for number in (0, 1))
    assert (first.rows["user"].min(), first.rows["user"].max()) == (1, BLOCK_USERS)
    assert (second.rows["user"].min(), second.rows["user"].max()) == (BLOCK_USERS + 1, plan.users)
    assert len(second.users["age"]) == plan.users - BLOCK_USERS
