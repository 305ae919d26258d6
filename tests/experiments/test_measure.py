"""The columns by which every record cuts its rows, and what the reference rows say."""

import numpy as np

from ctrbench.data.schema import Split
from ctrbench.experiments.measure import columns_of, data_facts, reference_records
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


def test_references_are_measured_on_test_and_carry_the_curve(small, data_folder):
    found = {record.reference: record for record in reference_records("small", "click", data=data_folder)}
    assert set(found) == {"popularity", "random"}
    bins = columns_of(small, small.indices(Split.TEST))["click_length"]
    for record in found.values():
        assert record.activeness_curve == small.manifest.activeness_curve
        assert record.data == data_facts(small.manifest)
        groups = {figures.group: figures.rows for figures in record.metrics if figures.column == "click_length"}
        assert groups == dict(zip(bins[1], np.bincount(bins[0]).tolist(), strict=True))
        assert sum(groups.values()) == record.metrics[0].rows == small.manifest.splits["test"].rows
