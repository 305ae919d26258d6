"""What the footer says of how the numbers came about."""

from dataclasses import replace

import pytest

from ctrbench.data.schema import Negatives
from ctrbench.experiments.tables import Edge, SearchFacts
from ctrbench.report.build import build
from tests.report.conftest import ENVIRONMENT, SPEC, entries, reference_records, run_records


def notes(records, spec=SPEC, by="activeness"):
    return dict(build(spec, entries(records), reference_records(), by=by).notes)


def test_protocol_in_one_paragraph(beauty):
    text = notes(beauty)["Protocol"]
    assert text.startswith("Per user in time order: the last interaction is test, the one before validation")
    assert "stops after 3 epochs without a better validation AUC, or after 30, and keeps the best" in text
    assert "The test split is read once per run" in text


def test_negatives(beauty):
    assert notes(beauty)["Negatives"] == (
        "items drawn by training popularity to the power 0 (uniform); 1 stored per validation and test positive, "
        "1 per training positive, drawn anew each epoch"
    )


def test_impressions_are_not_sampled(beauty):
    shown = [
        r.model_copy(update={"data": r.data.model_copy(update={"negatives": Negatives(source="impressions")})})
        for r in beauty
    ]
    assert notes(shown)["Negatives"] == "impressions without a click; none are sampled"


def test_groups_give_cutoffs_shares_and_rows(beauty):
    text = notes(beauty)["Groups"]
    assert "non-active L <= 6 (61.5% of test users), slightly-active L <= 12 (28.7% of test users)" in text
    assert "highly-active L > 12 (9.8% of test users)" in text
    assert "highly-active 4,400 (2,200)" in text
    assert notes(beauty, by="brand size")["Groups"] == (
        "rows (positives) by brand size: small 20,000 (10,000), large 24,000 (12,000)"
    )


def test_settings_name_what_all_share_and_what_each_method_has(beauty):
    shared, _, own = notes(beauty)["Settings"].partition(". ")
    assert "data.fields user+item" in shared
    assert "backbone.embedding_size 32, backbone.hidden 128+64" in shared
    assert own == (
        "plain: training.penalty 0.01; icl: training.penalty 0.01, method.weight 0.05, method.tau 0.1; "
        "aqcl: training.penalty 0.02, method.weight 0.05, method.tau 0.1"
    )


def changed(records, section="training", **settings):
    """The records with other settings of a section, as other runs."""
    return [
        r.model_copy(update={"identity": f"{r.identity} changed", "config": r.config.model_copy(
            update={section: getattr(r.config, section).model_copy(update=settings)})})
        for r in records
    ]  # fmt: skip


def test_variants_are_told_apart_and_a_shared_run_is_counted_once(beauty):
    plain = beauty[:5]
    rows = [*entries(plain, "near"), *entries(plain, "as near"), *entries(changed(plain, watch="logloss"), "far")]
    found = dict(build(SPEC, rows, []).notes)
    assert "Near, as near: training stops after 3 epochs without a better validation AUC, or" in found["Protocol"]
    assert "; far: training stops after 3 epochs without a better validation logloss, or" in found["Protocol"]
    assert ". The test split is read once per run, at the end." in found["Protocol"]
    assert found["Settings"].endswith(". near, as near: training.watch auc; far: training.watch logloss")
    assert found["Clipping"].startswith(f"0 of {10 * 44_726:,} predicted rows")


def test_stops_and_negatives_are_named_by_what_decides_them(beauty):
    other = changed(run_records({"plain": [0.7, 0.71], "icl": [0.7, 0.72]}, dataset="ta-feng"), patience=5)
    found = notes([*beauty, *other])
    assert "Amazon-beauty: training stops after 3 epochs without" in found["Protocol"]
    assert "; ta-feng: training stops after 5 epochs without" in found["Protocol"]
    fixed = changed(beauty, "data", negatives="fixed")
    text = dict(build(SPEC, [*entries(beauty, "near"), *entries(fixed, "far")], []).notes)["Negatives"]
    assert [part.partition(":")[0] for part in text.split("; ")[::2]] == ["near", "far"]
    assert text.endswith("per training positive, drawn once")


def test_rows_that_make_no_sense_are_named_with_their_reason(beauty):
    assert "Left out" not in notes(beauty)
    spec = SPEC.model_copy(update={"refused": {"a din dmr": "no clicks", "b din dmr": "no clicks", "b din x": "?"}})
    assert notes(beauty, spec)["Left out"] == "a din dmr, b din dmr: no clicks; b din x: ?"


def test_a_setting_is_named_once_for_whatever_decides_it(beauty):
    other = run_records({"plain": [0.7, 0.71], "icl": [0.7, 0.72]}, dataset="ta-feng")
    rows = [*entries([*beauty, *other], "near"), *entries(changed(beauty, epochs=7), "far")]
    rows += entries(changed(other, epochs=7, penalty=0.5), "far")
    assert dict(build(SPEC, rows, []).notes)["Settings"].split(". ")[1:] == [
        "icl, aqcl: method.weight 0.05, method.tau 0.1",
        "near: training.epochs 30; far: training.epochs 7",
        "amazon-beauty · plain · near, amazon-beauty · icl · near, ta-feng · plain · near, ta-feng · icl · near, "
        "amazon-beauty · plain · far, amazon-beauty · icl · far: training.penalty 0.01; "
        "amazon-beauty · aqcl · near, amazon-beauty · aqcl · far: training.penalty 0.02; "
        "ta-feng · plain · far, ta-feng · icl · far: training.penalty 0.5",
    ]


def test_settings_of_one_method_alone_keep_its_name(beauty):
    rows = [record for record in beauty if record.config.method in ("plain", "icl")]
    assert notes(rows)["Settings"].endswith(". icl: method.weight 0.05, method.tau 0.1")


def test_clipped_rows_are_counted_over_all_runs(beauty):
    assert notes(beauty)["Clipping"] == (
        "0 of 670,890 predicted rows, over all runs, were clipped at 1e-12 for logloss and NE"
    )
    touched = [r.model_copy(update={"metrics": tuple(replace(m, clipped=600) for m in r.metrics)}) for r in beauty[:2]]
    assert notes([*touched, *beauty[2:]])["Clipping"].startswith("1,200 of 670,890 predicted rows")


def test_search_trials_are_always_said(beauty):
    assert notes(beauty)["Search"].startswith("20 trials for each method")
    assert notes(beauty, SPEC.model_copy(update={"search_trials": 0}))["Search"].startswith("0 trials")


def edge(method, path, value, dataset="amazon-beauty"):
    return Edge(dataset=dataset, backbone="din", method=method, path=path, value=value)


def test_a_search_says_where_it_judged_and_what_lies_on_an_edge(beauty):
    assert "judged on rows set aside from training" in notes(beauty)["Search"]
    edges = (edge("icl", "training.penalty", 0.1), edge("aqcl", "training.penalty", 0.1), edge("aqcl", "method.w1", 10))
    spec = SPEC.model_copy(update={"searched": SearchFacts(trials=1200, given_up=310, edges=edges)})
    assert notes(beauty, spec)["Search"] == (
        "20 trials for each method, dataset and backbone (fewer points: all of them), judged on rows set aside from "
        "training; 310 of 1,200 were given up early. On the edge of its space: training.penalty 0.1 (icl, aqcl); "
        "method.w1 10 (aqcl)"
    )
    within = SPEC.model_copy(update={"searched": SearchFacts(trials=60, given_up=0, edges=())})
    assert notes(beauty, within)["Search"].endswith("; 0 of 60 were given up early")


def test_rows_on_an_edge_are_named_by_what_tells_them_apart_in_the_table(beauty):
    other = run_records({"plain": [0.7, 0.71]}, dataset="ta-feng")
    edges = (edge("icl", "training.penalty", 0.1), edge("plain", "training.penalty", 0.1, "ta-feng"))
    spec = SPEC.model_copy(update={"searched": SearchFacts(trials=9, given_up=0, edges=edges)})
    text = dict(build(spec, entries([*beauty, *other]), []).notes)["Search"]
    assert text.endswith("training.penalty 0.1 (amazon-beauty · icl, ta-feng · plain)")
    alone = spec.model_copy(update={"searched": SearchFacts(trials=9, given_up=0, edges=edges[1:])})
    text = dict(build(alone, entries(other), []).notes)["Search"]
    assert text.endswith(". On the edge of its space: training.penalty 0.1")


def test_cost_counts_every_run_once(beauty):
    assert notes(beauty)["Cost"] == "15 runs, 2.5 minutes in all (wall time of training, 1 thread each)"
    rows = [*entries(beauty, "near"), *entries(beauty, "as near")]
    assert dict(build(SPEC, rows, []).notes)["Cost"] == notes(beauty)["Cost"]
    other = run_records({"plain": [0.7]}, dataset="ta-feng")
    slow = [r.model_copy(update={"timings": r.timings.model_copy(update={"training_seconds": 72_000})}) for r in other]
    many = [r.model_copy(update={"environment": ENVIRONMENT.model_copy(update={"threads": 2})}) for r in slow]
    assert notes([*beauty, *many])["Cost"] == (
        "16 runs, 1,202.5 minutes in all (wall time of training, 1 or 2 threads each): "
        "amazon-beauty 15 runs, 2.5 minutes; ta-feng 1 run, 1,200.0 minutes"
    )


def test_data_versions_and_machine(beauty):
    found = notes(beauty)
    assert found["Data"] == (
        "amazon-beauty (Amazon Beauty, 5-core): 22,363 users, 12,101 items, 198,502 interactions, "
        "fingerprint ffffffffffff"
    )
    assert found["Software"] == "python 3.11.9, ctrbench 0.1.0, torch 2.13.0, numpy 2.3.1, commit 0123456"
    assert found["Machine"] == "Some Processor, Linux, 2 cores, 1 thread per run, cpu"


def test_mixed_versions_are_said(beauty):
    other = ENVIRONMENT.model_copy(update={"machine": "Another Processor, Linux", "threads": 2})
    mixed = [*beauty[:-2], *(r.model_copy(update={"environment": other}) for r in beauty[-2:])]
    assert notes(mixed)["Machine"] == (
        "mixed: Some Processor, Linux, 2 cores, 1 thread per run, cpu (13 of 15 runs); "
        "Another Processor, Linux, 2 cores, 2 threads per run, cpu (2 of 15 runs)"
    )


def test_simulated_data_are_never_called_reproduced():
    found = notes(run_records({"plain": [0.7, 0.71]}, dataset="oncold-sim", synthetic=True))
    assert found["Not comparable"] == "oncold-sim: simulated data in place of the private oncold"
    assert found["Data"].endswith("simulated: never called reproduced")


@pytest.mark.parametrize("published", ["aqcl_table2", None])
def test_comparable_data_need_no_excuse(beauty, published):
    assert "Not comparable" not in notes(beauty, SPEC.model_copy(update={"published": published}))


def test_references_are_explained(beauty):
    assert (
        "No model was trained for item popularity, random, oracle (the true probabilities)" in notes(beauty)["Reading"]
    )
    assert "No model was trained" not in dict(build(SPEC, entries(beauty), []).notes)["Reading"]
