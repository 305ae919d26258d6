"""Rows of one class are refused before training, with the task and the rows named."""

import re

import pytest
import torch

from ctrbench.data.classes import require_both_classes
from ctrbench.data.examples import SEARCH_HOLDOUT, Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import DATA, TWO_TASKS, start


def with_label(prepared, where, label, value):
    """The dataset with one value of a label in the rows of a mask."""
    rows = prepared.rows | {label: torch.where(where, value, prepared.rows[label]).to(torch.int8)}
    return Prepared(prepared.folder, prepared.manifest, rows, prepared.sequence, prepared.items, prepared.users)


def of(prepared, split):
    return prepared.rows["split"] == split


def test_data_with_both_classes_pass(small, shown, orders):
    for prepared, data in ((small, DATA), (shown, DATA), (orders, TWO_TASKS)):
        for search_holdout in (False, True):
            require_both_classes(Feed(prepared, data, search_holdout=search_holdout))


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize(("split", "name"), [(Split.TRAIN, "training"), (Split.VALIDATION, "validation")])
def test_impressions_of_one_class(shown, split, name, value):
    part = of(shown, split)
    feed = Feed(with_label(shown, part, "click", value), DATA)
    message = f"shown: task 'click': all {int(part.sum()):,} {name} rows have click = {value}, and both classes are"
    with pytest.raises(CtrbenchError, match=re.escape(message)):
        require_both_classes(feed)


def test_a_search_holdout_of_one_class(shown):
    held_out = shown.rows[SEARCH_HOLDOUT] == 1
    changed = with_label(shown, held_out, "click", 0)
    require_both_classes(Feed(changed, DATA))
    with pytest.raises(CtrbenchError, match="search holdout rows have click = 0"):
        require_both_classes(Feed(changed, DATA, search_holdout=True))


def test_rows_that_do_not_train_do_not_count(shown):
    """The only clicks are those of rows with too short a history."""
    changed = with_label(shown, of(shown, Split.TRAIN) & (shown.rows["length"] >= 3), "click", 0)
    require_both_classes(Feed(changed, DATA))
    with pytest.raises(CtrbenchError, match="training rows have click = 0"):
        require_both_classes(Feed(changed, DATA.model_copy(update={"minimum_history": 3})))


def test_sampled_negatives_are_of_the_other_class(small):
    assert (small.rows["click"][of(small, Split.TRAIN)] == 1).all()
    require_both_classes(Feed(small, DATA))
    with pytest.raises(CtrbenchError, match="validation rows have click = 1"):
        require_both_classes(Feed(with_label(small, of(small, Split.VALIDATION), "click", 1), DATA))


def test_a_second_task_of_one_class_under_its_condition(orders):
    clicked = orders.rows["click"] == 1
    for split, name in ((Split.TRAIN, "training"), (Split.VALIDATION, "validation")):
        changed = with_label(orders, of(orders, split) & clicked, "conversion", 1)
        require_both_classes(Feed(changed, DataSettings(tasks=("click", "conversion"))))
        message = rf"'conversion': all \d+ {name} rows with click = 1 have conversion = 1"
        with pytest.raises(CtrbenchError, match=message):
            require_both_classes(Feed(changed, TWO_TASKS))


def test_a_condition_that_no_row_meets(orders):
    changed = with_label(orders, of(orders, Split.TRAIN), "click", 0)
    data = DataSettings(tasks=("conversion",), given={"conversion": "click"})
    with pytest.raises(CtrbenchError, match="task 'conversion': it has no training rows with click = 1"):
        require_both_classes(Feed(changed, data))


def test_a_derived_task_needs_both_classes_where_it_is_judged(orders):
    part = of(orders, Split.VALIDATION)
    data = DataSettings(tasks=("click", "conversion"), derived={"ctcvr": ("click", "conversion")})
    # Conversions without a click: each label has both classes, their product has one.
    conversion = torch.where(part, 1 - orders.rows["click"], orders.rows["conversion"])
    changed = with_label(orders, part, "conversion", conversion)
    with pytest.raises(CtrbenchError, match=r"task 'ctcvr': all \d+ validation rows have ctcvr = 0"):
        require_both_classes(Feed(changed, data))


def test_a_run_refuses_before_its_first_epoch(shown):
    with pytest.raises(CtrbenchError, match="and both classes are needed; train another label"):
        start("din", "plain", with_label(shown, of(shown, Split.VALIDATION), "click", 0))
