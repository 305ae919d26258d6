"""The published tables as they are printed in the papers."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.report.published import TABLES, read_published


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


def test_the_simulation_stands_for_the_private_data():
    assert read_published("aqcl_table2").value("oncold-sim", "din", "plain", "overall", "auc") == 0.7601


def test_changes_to_a_card_change_nothing_of_what_is_published():
    table = read_published("aqcl_table2")
    assert table.value("amazon-beauty@negatives.exponent=0.25", "din", "aqcl", "slightly-active", "auc") == 0.7231
    assert table.value("oncold-sim@split.test_days=5", "din", "plain", "overall", "auc") == 0.7601
    assert table.value("amazon@beauty", "din", "aqcl", "overall", "auc") is None


def test_no_table_has_no_values():
    assert not read_published(None).values


def test_unknown_table_is_refused():
    with pytest.raises(CtrbenchError, match=r"unknown published table 'aqcl_table4'; did you mean aqcl_table[23]"):
        read_published("aqcl_table4")
    assert set(TABLES) == {"aqcl_table2", "aqcl_table3"}
