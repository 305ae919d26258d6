"""Ali-CCP's lists of features."""

import numpy as np
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.csv_batches import BYTES, TEXT, WHOLE, read
from ctrbench.prepare.feature_lists import COUNT, LIST, Features, parse
from tests.prepare.logs import feature, line

TYPES = {"key": TEXT, COUNT: WHOLE, LIST: BYTES}
FIELDS = ("205", "109_14", "853")
GOOD = line("a", features=[feature("205", 7), feature("109_14", 3, 0.5), feature("109_14", 4, 0.75), feature("1", 9)])


def parsed(path, text):
    path.write_bytes(text.encode())
    (batch,) = read(path, TYPES, names=tuple(TYPES))
    return parse(batch, FIELDS, ("109_14", "853"))


def test_the_feature_of_the_highest_value_counts_and_of_equal_ones_the_first(tmp_path):
    tied = line("b", features=[feature("853", 5, 0.25), feature("853", 6, 0.25), feature("853", 7, 0.1)])
    found = parsed(tmp_path / "c.csv", GOOD + line("e", features=[]) + tied)
    assert found.ids.tolist() == [[7, 4, -1], [-1, -1, -1], [-1, -1, 5]]
    assert np.array_equal(found.values, np.array([[0.75, np.nan], [np.nan] * 2, [np.nan, 0.25]]), equal_nan=True)


def test_lists_without_any_feature(tmp_path):
    found = parsed(tmp_path / "c.csv", line("e", features=[]) * 2)
    assert found.ids.tolist() == [[-1, -1, -1]] * 2


def test_missing_features_come_from_the_others():
    nan = np.nan
    one = Features(np.array([[1, -1]]), np.array([[nan]], np.float32))
    other = Features(np.array([[2, 3]]), np.array([[0.5]], np.float32))
    both = one.or_else(other)
    assert (both.ids.tolist(), both.values.tolist()) == ([[1, 3]], [[0.5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b,2,205\x027\x031.0\n", "the list has not the number of features that feature_count says .is it cut off"),
        ("b,1,\n", "the list has not the number of features"),
        ("b,1,205\x027\n", "a feature is not field, id and value"),
        ("b,1,205\x02x\x031.0\n", "a feature is not field, id and value"),
        ("b,1,205\x027\x031.0.0\n", "a feature is not field, id and value"),
        ("b,1,205\x02-7\x031.0\n", "a feature's id is missing, negative or not finite"),
        ("b,1,205\x02\x031.0\n", "a feature's id is missing"),
        ("b,1,205\x027\x03nan\n", "a feature's value is missing"),
        ("b,1,205\x027\x03\n", "a feature's value is missing"),
    ],
)
def test_a_damaged_list_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(CtrbenchError, match=f"c.csv, line 4, column 'feature_list': {message}"):
        parsed(tmp_path / "c.csv", GOOD + line("e", features=[]) + GOOD.replace("a,", "c,") + text + GOOD)
