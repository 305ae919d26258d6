"""The published tables as they are printed in the papers."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.report import published
from ctrbench.report.published import Counts, read_counts, read_published


def test_table_2_has_groups_and_relaimpr():
    table = read_published("aqcl_table2")
    assert table.value("amazon-beauty", "din", "aqcl", "slightly-active", "auc") == 0.7231
    assert table.value("ta-feng", "din", "dropoutnet", "overall", "relaimpr") == -2.84
    assert table.value("amazon-beauty", "din", "aqcl", "overall", "ne") is None
    assert table.value("amazon-beauty", "deepfm", "aqcl", "overall", "auc") is None
    assert len(table.values) == 2 * 3 * 6 * 4


def test_table_3_is_overall():
    table = read_published("aqcl_table3")
    assert table.value("ta-feng", "wide-deep", "aqcl", "overall", "auc") == 0.6732
    assert table.value("ta-feng", "wide-deep", "aqcl", "overall", "relaimpr") is None
    assert len(table.values) == 3 * 3 * 2


def test_an_outside_reference_names_its_tasks():
    table = read_published("mtreclib_aliexpress_bce")
    assert table.value("aliexpress-nl", "shared-mlp", "plain", "overall", "auc", "click", "") == 0.7228
    assert table.value("aliexpress-us", "ple", "plain", "overall", "auc", "conversion") == 0.8675
    assert table.value("aliexpress-es", "ple", "plain", "overall", "auc", "conversion") is None
    assert len(table.values) == 3 * 7 * 2


def test_the_simulation_stands_for_the_private_data():
    assert read_published("aqcl_table2").value("oncold-sim", "din", "plain", "overall", "auc") == 0.7601


def test_changes_to_a_card_change_nothing_of_what_is_published():
    table = read_published("aqcl_table2")
    assert table.value("amazon-beauty@negatives.exponent=0.25", "din", "aqcl", "slightly-active", "auc") == 0.7231
    assert table.value("oncold-sim@split.test_days=5", "din", "plain", "overall", "auc") == 0.7601
    assert table.value("amazon@beauty", "din", "aqcl", "overall", "auc") is None


def test_any_metric_and_task_may_be_published(monkeypatch):
    lines = [
        ["dataset", "backbone", "method", "task", "ne", "calibration"],
        *(["a", "din", "plain", "click", "0.9", "1.1"], ["a", "din", "plain", "buy", "0.8", ""]),
    ]
    monkeypatch.setattr(published, "_read", lambda name: lines)
    table = published.read_published.__wrapped__("aqcl_table3")
    assert table.value("a", "din", "plain", "overall", "ne", "buy") == 0.8
    assert table.value("a", "din", "plain", "overall", "calibration", "click") == 1.1
    assert table.value("a", "din", "plain", "overall", "calibration", "buy") is None
    assert table.value("a", "din", "plain", "overall", "ne", "install", "click") == 0.9
    monkeypatch.setattr(published, "_read", lambda name: [*lines, ["a", "din"]])
    with pytest.raises(CtrbenchError, match="aqcl_table3: a line has another number of fields than the header"):
        published.read_published.__wrapped__("aqcl_table3")


def test_no_table_has_no_values():
    assert not read_published(None).values
    assert not read_counts(None)


def test_counts_are_a_table_of_their_own():
    assert read_counts("aqcl_table1")["ta-feng"] == Counts(32_266, 23_812, 817_741)
    with pytest.raises(CtrbenchError, match="unknown published table 'aqcl_table2'; did you mean aqcl_table1"):
        read_counts("aqcl_table2")


def test_unknown_table_is_refused():
    with pytest.raises(CtrbenchError, match=r"unknown published table 'aqcl_table4'; did you mean aqcl_table[23]"):
        read_published("aqcl_table4")
