"""What the footer says of how the numbers came about."""

import pytest

from ctrbench.data.schema import Negatives
from ctrbench.report.build import build
from ctrbench.report.select import Edge, SearchFacts
from ctrbench.store.record import TaskMetrics
from tests.report.records import ENVIRONMENT, data, facts, recipe, record, records, references, rows, values

SEARCH = {"trials": 20, "space": {"training.penalty": {"low": 1e-5, "high": 0.1}}}


def found(made, *, by=None, **own):
    return {note.title: note.text for note in build(data(made, references(), **own), by).notes}


def notes(made, **own):
    return found(rows(made), **own)


def changed(made, section="training", **settings):
    """The records with other settings of a section, as other jobs."""
    return [
        r.model_copy(
            update={
                "identity": f"{r.identity} changed",
                "settings": r.settings | {section: dict(r.settings.get(section, {})) | settings},
            }
        )
        for r in made
    ]


def test_trained_weights_by_what_decides_them(beauty):
    assert "Weights" not in notes(beauty)
    other = record(0.7, backbone="deepfm").model_copy(update={"weights": 1_234_567})
    text = notes([*(r.model_copy(update={"weights": 8_900}) for r in beauty), other])["Weights"]
    assert text == (
        "trained weights of the model that predicts, embedding tables included: din: 8,900; deepfm: 1,234,567"
    )
    assert notes([beauty[0], other])["Weights"].endswith("included: 1,234,567")


def test_protocol_in_one_paragraph(beauty):
    text = notes(beauty)["Protocol"]
    assert text.startswith("Per user in time order: the last interaction is test, the one before validation")
    assert "stops after 3 epochs without a better validation AUC, or after 30, and keeps the best" in text
    assert "The test split is read once per run" in text


@pytest.mark.parametrize(
    ("watch", "words"), [("logloss", "validation logloss"), ("click.ne", "validation NE of click")]
)
def test_the_watched_metric_has_its_label(beauty, watch, words):
    assert f"without a better {words}, or" in notes(changed(beauty, watch=watch))["Protocol"]


def test_negatives(beauty):
    assert notes(beauty)["Negatives"] == (
        "items drawn by training popularity to the power 0 (uniform); 1 stored per validation and test positive, "
        "1 per training positive, drawn anew each epoch"
    )


def test_impressions_are_not_sampled(beauty):
    shown = rows(beauty, negatives=Negatives(source="impressions"))
    assert found(shown)["Negatives"] == "impressions without a click; none are sampled"


def test_groups_give_cutoffs_shares_and_rows(beauty):
    text = notes(beauty)["Groups"]
    assert "non-active L <= 4 (61.5% of test users), slightly-active L <= 12 (28.7% of test users)" in text
    assert "highly-active L > 12 (9.8% of test users)" in text
    assert "highly-active 4,400 (2,200)" in text
    assert notes(beauty, by="brand size")["Groups"] == (
        "rows (positives) by brand size: small 20,000 (10,000), large 24,000 (12,000)"
    )
    assert "Groups" not in notes(beauty, by="overall")


def test_groups_and_references_of_two_tasks_are_told_apart():
    both = {
        "click": TaskMetrics(definition="click", values=values(0.7)),
        "buy": TaskMetrics(definition="buy", values=values(0.6)),
    }
    made = rows([record(0.7, seed=seed, tasks=both) for seed in range(2)], tasks=("click", "buy"))
    smaller = facts(tasks=("click", "buy")).groups
    group = smaller["buy"]["activeness"]
    smaller["buy"] = smaller["buy"] | {
        "activeness": group.model_copy(update={"rows": [3, 2, 1], "positives": [1, 1, 1]})
    }
    made = [type(row)(row.key, row.record, row.facts.model_copy(update={"groups": smaller})) for row in made]
    text = found(made)["Groups"]
    assert "amazon-beauty · click: click length" in text
    assert "amazon-beauty · buy: click length" in text
    assert text.endswith("rows (positives): non-active 3 (1), slightly-active 2 (1), highly-active 1 (1)")


def test_settings_name_what_all_share_and_what_each_method_has(beauty):
    shared, _, own = notes(beauty)["Settings"].partition(". ")
    assert "data.fields user+item, data.tasks click, " in shared
    assert "backbone.embedding_size 32, " in shared
    assert "derived" not in shared
    assert own.startswith(
        "plain: training.penalty 0.01; icl: training.penalty 0.01, method.weight 0.07, method.tau 0.1"
    )
    assert "; aqcl: training.penalty 0.02, method.weight 0.07" in own


def test_looks_are_told(beauty):
    protocol = notes(changed(beauty, looks=4, patience=20))["Protocol"]
    assert (
        "stops after 20 looks without a better validation AUC, or after 30 epochs, and keeps the best look's weights; "
        "validation is looked at 4 times an epoch. The test split"
    ) in protocol


def test_variants_are_told_apart_and_a_shared_run_is_counted_once(beauty):
    plain = beauty[:5]
    made = [*rows(plain, "near"), *rows(plain, "as near"), *rows(changed(plain, watch="logloss"), "far")]
    own = found(made)
    assert "Near, as near: training stops after 3 epochs without a better validation AUC, or" in own["Protocol"]
    assert "; far: training stops after 3 epochs without a better validation logloss, or" in own["Protocol"]
    assert ". The test split is read once per run, at the end." in own["Protocol"]
    assert own["Settings"].endswith(". near, as near: training.watch auc; far: training.watch logloss")
    assert own["Clipping"].startswith(f"0 of {10 * 44_726:,} predicted rows")


def test_stops_and_negatives_are_named_by_what_decides_them(beauty):
    other = changed(records({"plain": [0.7, 0.71], "icl": [0.7, 0.72]}, dataset="ta-feng"), patience=5)
    protocol = notes([*beauty, *other])["Protocol"]
    assert "Amazon-beauty: training stops after 3 epochs without" in protocol
    assert "; ta-feng: training stops after 5 epochs without" in protocol
    fixed = changed(beauty, "data", negatives="fixed")
    text = found([*rows(beauty, "near"), *rows(fixed, "far")])["Negatives"]
    assert [part.partition(":")[0] for part in text.split("; ")[::2]] == ["near", "far"]
    assert text.endswith("per training positive, drawn once")


def test_rows_that_make_no_sense_are_named_with_their_reason(beauty):
    assert "Left out" not in notes(beauty)
    refused = {"a din dmr": "no clicks", "b din dmr": "no clicks", "b din x": "?"}
    assert notes(beauty, refused=refused)["Left out"] == "a din dmr, b din dmr: no clicks; b din x: ?"


def test_a_setting_is_named_once_for_whatever_decides_it(beauty):
    other = records({"plain": [0.7, 0.71], "icl": [0.7, 0.72]}, dataset="ta-feng")
    made = [*rows([*beauty, *other], "near"), *rows(changed(beauty, epochs=7), "far")]
    made += rows(changed(other, epochs=7, penalty=0.5), "far")
    told = found(made)["Settings"].split(". ")
    assert "near: training.epochs 30; far: training.epochs 7" in told
    assert told[-1] == (
        "amazon-beauty · plain · near, amazon-beauty · icl · near, ta-feng · plain · near, ta-feng · icl · near, "
        "amazon-beauty · plain · far, amazon-beauty · icl · far: training.penalty 0.01; "
        "amazon-beauty · aqcl · near, amazon-beauty · aqcl · far: training.penalty 0.02; "
        "ta-feng · plain · far, ta-feng · icl · far: training.penalty 0.5"
    )


def test_clipped_rows_are_counted_over_all_runs(beauty):
    ending = "predicted rows, over all runs, were clipped at 1e-12 for metrics of probabilities"
    assert notes(beauty)["Clipping"] == f"0 of 670,890 {ending}"
    touched = [
        r.model_copy(update={"tasks": {"click": r.tasks["click"].model_copy(update={"clipped": 600})}})
        for r in beauty[:2]
    ]
    assert notes([*touched, *beauty[2:]])["Clipping"] == f"1,200 of 670,890 {ending}"


def test_search_trials_are_always_said(beauty):
    assert notes(beauty, of=recipe(search=SEARCH))["Search"].startswith("20 trials for each method")
    assert notes(beauty)["Search"].startswith("0 trials")


def edge(method, path, value, dataset="amazon-beauty"):
    return Edge(dataset=dataset, backbone="din", method=method, path=path, value=value)


def searched(trials, finalists, *edges, failed=0, **search):
    return {"of": recipe(search={**SEARCH, **search}), "searched": SearchFacts(trials, finalists, failed, edges)}


def test_a_search_says_where_it_judged_and_what_lies_on_an_edge(beauty):
    edges = edge("icl", "training.penalty", 0.1), edge("aqcl", "training.penalty", 0.1), edge("aqcl", "method.w1", 10)
    judged = (
        "trials for each method, dataset and backbone (fewer points: all of them), judged on rows set aside from "
        "training; the first trial of every method but plain has the best settings of plain; "
    )
    assert notes(beauty, **searched(1200, 300, *edges))["Search"] == (
        f"20 {judged}the best 25% ran with 4 seeds, whose mean chose the settings; 1,200 trials in all, 300 of them "
        "with every seed. On the edge of its space: training.penalty 0.1 (icl, aqcl); method.w1 10 (aqcl)"
    )
    said = notes(beauty, **searched(60, 60, failed=2, seeds=1, trials_on={"ta-feng": 12}))["Search"]
    assert said == f"20 (12 on ta-feng) {judged}60 trials in all, 60 of them with every seed, 2 diverged"


def test_rows_on_an_edge_are_named_by_what_tells_them_apart_in_the_table(beauty):
    other = records({"plain": [0.7, 0.71]}, dataset="ta-feng")
    edges = edge("icl", "training.penalty", 0.1), edge("plain", "training.penalty", 0.1, "ta-feng")
    text = notes([*beauty, *other], **searched(9, 0, *edges))["Search"]
    assert text.endswith("training.penalty 0.1 (amazon-beauty · icl, ta-feng · plain)")
    text = notes(other, **searched(9, 0, edges[1]))["Search"]
    assert text.endswith(". On the edge of its space: training.penalty 0.1")


def test_cost_counts_every_run_once(beauty):
    assert notes(beauty)["Cost"] == "15 runs, 2.5 minutes in all (wall time of training, 1 thread each)"
    assert found([*rows(beauty, "near"), *rows(beauty, "as near")])["Cost"] == notes(beauty)["Cost"]
    other = records({"plain": [0.7]}, dataset="ta-feng")
    slow = [r.model_copy(update={"timings": r.timings.model_copy(update={"training_seconds": 72_000})}) for r in other]
    many = [r.model_copy(update={"environment": ENVIRONMENT.model_copy(update={"threads": 2})}) for r in slow]
    assert notes([*beauty, *many])["Cost"] == (
        "16 runs, 1,202.5 minutes in all (wall time of training, 1 or 2 threads each): "
        "amazon-beauty 15 runs, 2.5 minutes; ta-feng 1 run, 1,200.0 minutes"
    )


def test_data_versions_and_machine(beauty):
    own = notes(beauty)
    assert own["Data"] == (
        "amazon-beauty (Amazon Beauty, 5-core): 22,363 users, 12,101 items, 198,502 interactions, "
        "fingerprint ffffffffffff"
    )
    assert own["Software"] == "python 3.11.9, ctrbench 0.1.0, torch 2.13.0, numpy 2.3.1, commit 0123456"
    assert own["Machine"] == "Some Processor, Linux, 2 cores, 1 thread per run, cpu"


def test_mixed_versions_are_said(beauty):
    other = ENVIRONMENT.model_copy(update={"machine": "Another Processor, Linux", "threads": 2})
    mixed = [*beauty[:-2], *(r.model_copy(update={"environment": other}) for r in beauty[-2:])]
    assert notes(mixed)["Machine"] == (
        "mixed: Some Processor, Linux, 2 cores, 1 thread per run, cpu (13 of 15 runs); "
        "Another Processor, Linux, 2 cores, 2 threads per run, cpu (2 of 15 runs)"
    )


def test_kernels_are_said_where_some_run_fused_them(beauty):
    versions = ENVIRONMENT.versions | {"numba": "0.68.1"}
    fused = ENVIRONMENT.model_copy(update={"kernels": "fused", "versions": versions})
    mixed = notes([*beauty[:-2], *(r.model_copy(update={"environment": fused}) for r in beauty[-2:])])
    assert mixed["Machine"] == (
        "mixed: Some Processor, Linux, 2 cores, 1 thread per run, cpu (13 of 15 runs); "
        "Some Processor, Linux, 2 cores, 1 thread per run, cpu, fused kernels (2 of 15 runs)"
    )
    assert "numpy 2.3.1, numba 0.68.1, commit 0123456 (2 of 15 runs)" in mixed["Software"]


def test_simulated_data_are_never_called_reproduced():
    own = found(rows(records({"plain": [0.7, 0.71]}, dataset="oncold-sim"), synthetic=True))
    assert own["Not comparable"] == "oncold-sim: simulated data in place of the private oncold"
    assert own["Data"].endswith("simulated: never called reproduced")


@pytest.mark.parametrize("published", ["aqcl_table2", None])
def test_comparable_data_need_no_excuse(beauty, published):
    assert "Not comparable" not in notes(beauty, of=recipe(published=published))


def test_references_metrics_and_tolerances_are_explained(beauty):
    text = notes(beauty)["Reading"]
    assert (
        "No model was trained for item popularity, item id (the order of items in the source), random, "
        "oracle (the true probabilities): they say"
    ) in text
    assert "nearer than the metric's tolerance (AUC 0.005)" in text
    assert "AUC is the probability" in text
    assert "NE is the logloss over" in text
    alone = {note.title: note.text for note in build(data(rows(beauty), of=recipe(published=None))).notes}["Reading"]
    assert "No model was trained" not in alone
    assert "published" not in alone


@pytest.mark.parametrize(("seeds", "warned"), [(2, True), (4, True), (5, False), (1, False)])
def test_few_seeds_are_a_caution(beauty, seeds, warned):
    few = [r for r in beauty if r.seed < seeds]
    assert ("Caution" in notes(few)) is warned
    if warned:
        assert notes(few)["Caution"].startswith(f"Some comparisons rest on {seeds} seeds; with fewer than 5")


def test_data_alone_have_a_note_of_the_data_alone():
    of = recipe(published=None, views=[{"kind": "activeness"}])
    report = build(type(data([]))(of, facts=(facts(),)))
    assert [note.title for note in report.notes] == ["Data"]
