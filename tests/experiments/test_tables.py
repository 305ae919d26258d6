import shutil

import pytest
from ctrbench.experiments.cell import Cell
from ctrbench.experiments.found import Found, FoundSettings, Trial, write_found
from ctrbench.experiments.resolve import basis
from ctrbench.experiments.tables import SearchFacts, find_table

from ctrbench.errors import CtrbenchError
from tests.experiments import fakes


def table(place, **changes):
    return find_table(fakes.recipe(**changes), place / "results", place / "data", fakes.catalogue())


def test_records_are_chosen_by_configuration(place):
    fakes.make(place, seeds=2)
    fakes.make(place, seeds=2, training={"epochs": 3})
    spec, entries, references, missing = table(place, seeds=3, published="aqcl_table2")
    assert (spec.name, spec.base, spec.published, spec.label) == ("toy-table", "plain", "aqcl_table2", "click")
    rows = [(method, seed) for method in ("plain", "weighted") for seed in (0, 1)]
    assert [(e.record.config.method, e.record.config.seed) for e in entries] == rows
    assert [e.cell for e in entries] == [Cell("toy", "net", method) for method, _ in rows]
    assert {e.record.config.training.epochs for e in entries} == {4}
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
    _, entries, _, missing = table(place)
    assert (len(entries), len(missing)) == (2, 2)


def test_a_fresh_clone_takes_the_data_with_most_runs(place):
    plan, ledger, _ = fakes.make(place)
    ledger.write_references(fakes.references("toy", "click", data=place / "data"))
    fakes.prepare(place / "data", items=4)
    fakes.make(place, seeds=1)
    shutil.rmtree(place / "data")
    _, entries, references, missing = table(place)
    fingerprint = plan.manifests["toy"].fingerprint
    assert [entry.record.fingerprint for entry in entries] == [fingerprint] * 4
    assert [reference.fingerprint for reference in references] == [fingerprint]
    assert missing == []


def test_a_clone_without_records(place):
    shutil.rmtree(place / "data")
    _, entries, references, missing = table(place)
    assert (entries, references, len(missing)) == ([], [], 4)


def test_refused_pairs_are_not_missing(place):
    spec, _, _, missing = table(place, backbones=["deep"], methods=["plain", "picky"], seeds=1)
    assert missing == ["toy deep plain seed 0"]
    assert spec.refused == {"toy deep picky": "it wants a history"}


VARIANTS = {"as chosen": {}, "heavy": {"method.weight": 0.5}}


def test_a_run_stands_in_every_row_that_shares_it(place):
    plan, _, _ = fakes.make(place, variants=VARIANTS, seeds=1)
    assert len(plan.runs) == 3
    _, entries, _, missing = table(place, variants=VARIANTS, seeds=2)
    assert [str(entry.cell) for entry in entries] == [
        f"toy net {method} ({variant})" for variant in VARIANTS for method in ("plain", "weighted")
    ]
    shared, light, again, heavy = (entry.record for entry in entries)
    assert shared == again
    assert (light.config.method_settings["weight"], heavy.config.method_settings["weight"]) == (0.05, 0.5)
    # A shared run is missing once, in its first row.
    assert missing == [f"{entry.cell} seed 1" for entry in entries if entry is not entries[2]]


def test_a_table_without_variants_takes_the_runs_of_one_with_them(place):
    fakes.make(place, variants=VARIANTS)
    _, entries, _, missing = table(place)
    assert (len(entries), missing) == (4, [])
    assert {entry.cell.variant for entry in entries} == {""}


def test_settings_of_a_dataset_choose_its_records(place):
    fakes.prepare(place / "data", "other")
    datasets = {"toy": {}, "other": {"training.epochs": 2}}
    fakes.make(place, datasets=datasets, seeds=1)
    _, entries, _, missing = table(place, datasets=datasets, seeds=1)
    assert missing == []
    assert [(e.cell.dataset, e.record.config.training.epochs) for e in entries] == [
        *[("toy", 4)] * 2,
        *[("other", 2)] * 2,
    ]


SEARCH = {"trials": 2, "space": {"training.penalty": {"choices": [0.1, 0.2, 0.3]}}}


def settle(place, penalty):
    """Files a search of the row of plain: three trials, of which two were given up."""
    cell = Cell("toy", "net", "plain")
    trials = [
        Trial(settings={"training.penalty": value}, state=state, epochs=2, value=0.5 if state == "complete" else None)
        for value, state in ((0.1, "given up"), (penalty, "complete"), (0.3, "given up"))
    ]
    settled = FoundSettings(
        **cell.names,
        settings={"training.penalty": penalty},
        objective="logloss",
        value=0.5,
        basis=basis(fakes.recipe(search=SEARCH), cell, fakes.catalogue()),
        fingerprint=fakes.manifest().fingerprint,
        trials=tuple(trials),
    )
    write_found(place / "results", Found(recipe="toy-table", found=(settled,)))


def test_rows_that_were_not_searched_are_missing_beside_those_that_were(place):
    with pytest.raises(CtrbenchError, match="no settings were searched for toy net plain; run: ctrbench search"):
        table(place, search=SEARCH, seeds=1)
    settle(place, 0.2)
    _, _, _, missing = table(place, search=SEARCH, seeds=1)
    assert missing == ["toy net plain seed 0", "toy net weighted seed 0, not searched"]


def test_what_the_search_of_a_row_came_to_is_told_once_for_its_variants(place):
    settle(place, 0.2)
    changes = {"search": SEARCH, "methods": ["plain"], "variants": {"near": {}, "far": {"training.batch_size": 9}}}
    assert table(place, **changes)[0].searched == SearchFacts(trials=3, given_up=2, edges=())
    settle(place, 0.3)
    (edge,) = table(place, **changes)[0].searched.edges
    assert tuple(edge.model_dump().values()) == ("toy", "net", "plain", "training.penalty", 0.3)
    assert table(place, methods=["plain"])[0].searched is None


def test_a_found_number_on_an_edge_that_every_variant_replaces_is_not_told(place):
    settle(place, 0.3)
    variants = {"set": {"training.penalty": 0.2}}
    recipe = {"search": SEARCH, "methods": ["plain"]}
    assert table(place, **recipe, variants=variants)[0].searched.edges == ()
    assert len(table(place, **recipe, variants={**variants, "found": {}})[0].searched.edges) == 1


@pytest.mark.parametrize(
    "changes", [{"variants": {"a": {"method.wieght": 1}}}, {"datasets": {"toy": {"method.wieght": 1}}}]
)
def test_misspelt_settings_are_refused(place, changes):
    with pytest.raises(CtrbenchError, match=r"unknown setting 'method\.wieght'; did you mean method\.weight"):
        table(place, **changes)
