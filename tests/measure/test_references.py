"""What the reference rows say, and when they are measured."""

import numpy as np
from ctrbench.experiments import references
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.measure import columns_of, data_facts
from ctrbench.experiments.plan import make_plan

from ctrbench.data.schema import Split
from tests.experiments import fakes


def test_references_are_measured_on_test_and_carry_the_curve(small, data_folder):
    found = {record.reference: record for record in references.reference_records("small", "click", data=data_folder)}
    assert set(found) == {"popularity", "random"}
    bins = columns_of(small, small.indices(Split.TEST))["click_length"]
    for record in found.values():
        assert record.activeness_curve == small.manifest.activeness_curve
        assert record.data == data_facts(small.manifest)
        groups = {figures.group: figures.rows for figures in record.metrics if figures.column == "click_length"}
        assert groups == dict(zip(bins[1], np.bincount(bins[0]).tolist(), strict=True))
        assert sum(groups.values()) == record.metrics[0].rows == small.manifest.splits["test"].rows


def test_references_are_measured_once_for_each_data(place, monkeypatch):
    monkeypatch.setattr(references, "reference_records", fakes.references)
    data, ledger = place / "data", Ledger(place / "results")

    def measure():
        plan = make_plan(fakes.recipe(), data=data, catalogue=fakes.catalogue())
        references.measure_references(plan.manifests, "click", ledger=ledger, data=data)

    measure()
    measure()
    assert fakes.log(data) == ["references toy"]
    fakes.prepare(data, items=4)
    measure()
    assert len(list((ledger.results / "references").iterdir())) == 2
