"""The columns by which every record cuts its rows."""

from ctrbench.data.schema import Split
from ctrbench.experiments.measure import columns_of
from ctrbench.metrics.groups import click_length_bins


def test_columns_are_those_of_the_very_rows(small):
    rows = small.indices(Split.TEST)[::7]
    columns = columns_of(small, rows)
    assert list(columns) == ["activeness", "click_length", "age_group"]
    length, user = small.rows["length"][rows].numpy(), small.rows["user"][rows].long()
    codes, names = click_length_bins(length)
    assert (columns["click_length"][0].tolist(), columns["click_length"][1]) == (codes.tolist(), names)
    assert columns["age_group"][0].tolist() == small.users["age_group"][user].tolist()
    low, high = small.manifest.activeness.cutoffs
    assert columns["activeness"][0].tolist() == [int(value > low) + int(value > high) for value in length]
