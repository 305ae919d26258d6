import numpy as np
import pandas as pd
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import CohortSettings, FieldSettings
from ctrbench.prepare.columns import encode_cohort, encode_field

ALL = np.arange(4)


def cohort(**settings: object) -> CohortSettings:
    return CohortSettings.read({"name": "x", "source": "row", **settings}, "card")


def test_field_ids_count_from_one_by_value_and_zero_is_missing() -> None:
    raw = pd.Series([None, "b", "a", "b", np.nan])
    codes, field = encode_field(FieldSettings(name="x", source="item"), raw, np.array([1]))
    assert codes.tolist() == [0, 2, 1, 2, 0]
    assert field.size == 3
    assert codes.dtype == np.int32


def test_a_row_value_outside_training_is_unknown() -> None:
    codes, field = encode_field(
        FieldSettings(name="x", source="row"), pd.Series(["b", "a", "c", "b"]), np.array([0, 2])
    )
    assert codes.tolist() == [1, 0, 2, 1]
    assert field.size == 3


def test_cohort_by_values_takes_the_groups_of_training_rows() -> None:
    codes, group = encode_cohort(cohort(), pd.Series(["b", "a", None, "test only"]), np.array([0, 1]))
    assert codes.tolist() == [1, 0, -1, -1]
    assert group.values == ("a", "b")


def test_missing_values_get_a_group_where_the_card_names_one() -> None:
    codes, group = encode_cohort(cohort(unknown="?"), pd.Series(["b", "a", None, "test only"]), np.array([0, 1]))
    assert codes.tolist() == [1, 0, 2, -1]
    assert group.values == ("a", "b", "?")


def test_quantile_edges_come_from_training_rows() -> None:
    raw = pd.Series([1.0, 2.0, 3.0, 4.0, 1000.0, np.nan])
    codes, group = encode_cohort(cohort(cut="quantiles", buckets=["low", "high"]), raw, ALL)
    assert codes.tolist() == [0, 0, 1, 1, 1, -1]
    assert group.values == ("low (to 2)", "high (above 2)")


def test_quantiles_of_text_that_holds_numbers() -> None:
    codes, _ = encode_cohort(cohort(cut="quantiles", buckets=["a", "b"]), pd.Series(["9", "10", "9", "10"]), ALL)
    assert codes.tolist() == [0, 1, 0, 1]


def test_size_counts_the_training_rows_that_share_a_value() -> None:
    raw = pd.Series([None, "big", "small", "tiny", "test only"])
    training = np.array([1, 1, 1, 2, 2, 3, 0])
    by_size = cohort(source="item", cut="size", buckets=["few", "many"], unknown="none")
    codes, group = encode_cohort(by_size, raw, training)
    assert group.values == ("few (to 2)", "many (above 2)", "none")
    assert codes.tolist() == [2, 1, 0, 0, 0]


def test_quantiles_of_no_number_name_the_value() -> None:
    with pytest.raises(CtrbenchError, match=r"cohort 'x': 'oops' is no number; cut it by values"):
        encode_cohort(cohort(cut="quantiles", buckets=["a", "b"]), pd.Series(["1", "oops", "2", "3"]), ALL)


def test_too_many_groups() -> None:
    with pytest.raises(CtrbenchError, match="40,000 groups; cut it by"):
        encode_cohort(cohort(), pd.Series(range(40_000)), np.arange(40_000))
