import numpy as np
import pandas as pd
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import CohortSettings, FieldSettings
from ctrbench.prepare.columns import encode_cohort, encode_field, statistic_of

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


def test_field_by_quantiles_has_the_edges_of_training_rows_and_zero_is_missing() -> None:
    raw = pd.Series([None, "1", "2", "3", "4", "1000"])
    codes, field = encode_field(FieldSettings(name="x", source="item", quantiles=2), raw, np.array([1, 2, 3, 4]))
    assert codes.tolist() == [0, 1, 1, 2, 2, 2]
    assert field.size == 3
    assert codes.dtype == np.int32


def test_field_by_quantiles_has_no_id_for_an_empty_bucket() -> None:
    settings = FieldSettings(name="x", source="item", quantiles=4)
    codes, field = encode_field(settings, pd.Series([1, 1, 1, 1, 5]), np.arange(5))
    assert codes.tolist() == [1, 1, 1, 1, 2]
    assert field.size == 3


@pytest.mark.parametrize(
    ("statistic", "expected"), [("sum", [np.nan, 12.0, np.nan, 5.0]), ("median", [np.nan, 3, np.nan, 5])]
)
def test_statistic_of_training_rows(statistic: str, expected: list[float]) -> None:
    settings = cohort(source="user", statistic=statistic)
    raw = pd.Series(["1", "3", "8", "5", None, None], index=[9, 8, 7, 6, 5, 4])
    found = statistic_of(settings, raw, np.array([1, 1, 1, 3, 3, 2]), 4)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(CtrbenchError, match="'oops' of column 'x' is not a number"):
        statistic_of(settings, pd.Series(["oops"]), np.array([1]), 4)


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
    with pytest.raises(CtrbenchError, match=r"'x': 'oops' of column 'x' is not a number; name another"):
        encode_cohort(cohort(cut="quantiles", buckets=["a", "b"]), pd.Series(["1", "oops", "2", "3"]), ALL)


def test_too_many_groups() -> None:
    with pytest.raises(CtrbenchError, match="40,000 groups; cut it by"):
        encode_cohort(cohort(), pd.Series(range(40_000)), np.arange(40_000))
