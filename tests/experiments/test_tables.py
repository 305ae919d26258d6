import shutil

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.execute import measure_references
from ctrbench.experiments.tables import find_table
from tests.experiments import fakes


def table(place, **changes):
    return find_table(fakes.recipe(**changes), place / "results", place / "data", fakes.catalogue())


def test_records_are_chosen_by_configuration(place):
    fakes.make(place, seeds=2)
    fakes.make(place, seeds=2, training={"epochs": 3})
    spec, records, references, missing = table(place, seeds=3, published="aqcl_table2")
    assert (spec.name, spec.base, spec.published, spec.label) == ("toy-table", "plain", "aqcl_table2", "click")
    assert [(r.config.method, r.config.seed) for r in records] == [
        (m, s) for m in ("plain", "weighted") for s in (0, 1)
    ]
    assert {record.config.training.epochs for record in records} == {4}
    assert references == []
    assert missing == ["toy net plain seed 2", "toy net weighted seed 2"]


def test_records_of_other_data_do_not_count_while_data_are_prepared_here(place):
    fakes.make(place)
    fakes.prepare(place / "data", items=4)
    with pytest.raises(
        CtrbenchError, match="toy-table: 4 runs of other data are left aside: the prepared data changed"
    ):
        table(place)
    fakes.make(place, seeds=1)
    _, records, _, missing = table(place)
    assert (len(records), len(missing)) == (2, 2)


def test_a_fresh_clone_takes_the_data_with_most_runs(place):
    plan, ledger, _ = fakes.make(place)
    measure_references(plan.manifests, "click", ledger=ledger, data=place / "data", measure=fakes.references)
    fakes.prepare(place / "data", items=4)
    fakes.make(place, seeds=1)
    shutil.rmtree(place / "data")
    _, records, references, missing = table(place)
    fingerprint = plan.manifests["toy"].fingerprint
    assert [record.fingerprint for record in records] == [fingerprint] * 4
    assert [reference.fingerprint for reference in references] == [fingerprint]
    assert missing == []


def test_a_clone_without_records(place):
    shutil.rmtree(place / "data")
    _, records, references, missing = table(place)
    assert (records, references, len(missing)) == ([], [], 4)


def test_refused_pairs_are_not_missing(place):
    assert table(place, backbones=["deep"], methods=["plain", "picky"], seeds=1)[3] == ["toy deep plain seed 0"]
