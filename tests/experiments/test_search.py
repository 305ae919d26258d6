import math
from dataclasses import replace

import pytest
from filelock import FileLock

from ctrbench.data.schema import read_manifest
from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.experiments.cell import Cell
from ctrbench.experiments.config import ALGORITHM_VERSION
from ctrbench.experiments.execute import Site
from ctrbench.experiments.found import read_found, write_found
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import make_plan
from ctrbench.experiments.search import search
from tests.experiments import fakes

SPACE = {"training.penalty": {"low": 1e-5, "high": 1e-1, "log": True}, "method.weight": {"choices": [0.01, 0.05, 0.1]}}

OTHER_BASIS = "found with another recipe or another version of the algorithm; run: ctrbench search …/toy-table"


def searched(**changes):
    return fakes.recipe(search={"trials": 6, "space": SPACE, **changes.pop("search", {})}, **changes)


def runner(config, *, data, working, device, on_epoch):
    """Logloss is lowest and AUC highest at penalty 1e-3 and weight 0.1; it falls to that epoch by epoch."""
    fakes.note(data, fakes.settings_digest(config))
    if config.training.penalty > 0.05 or config.method_settings.get("weight", 0) > 1:
        raise DivergedError("diverged")
    if (data / "busy").exists():
        raise CtrbenchError("out of memory")
    made = fakes.record(config, read_manifest(data / config.dataset))
    far = abs(math.log10(max(config.training.penalty, 1e-9)) + 3) + 1 - config.method_settings.get("weight", 0)
    losses = [far + 1 / (epoch + 1) for epoch in range(config.training.epochs)]
    figures = [fakes.epoch_figures(e + 1, auc=1 / (1 + loss), logloss=loss) for e, loss in enumerate(losses)]
    for epoch in range(config.training.epochs + 1):
        on_epoch(figures[:epoch], config.training.epochs)
        fakes.note(data, f"{fakes.settings_digest(config)} epoch {epoch}")
    metrics = replace(made.metrics[0], logloss=far, auc=1 / (1 + far))
    made = made.model_copy(update={"metrics": (metrics,), "epochs": tuple(figures)})
    return made, fakes.pa.table({"probability": [0.5]})


def site(place):
    return Site(Ledger(place / "results" / "searches"), runner, place / "data")


def find(place, recipe, **options):
    found, hopeless = search(recipe, site(place), catalogue=fakes.catalogue(), **options)
    assert hopeless == []
    return found


def begun(place):
    """Digests of the trials that were begun."""
    return [line for line in fakes.log(place / "data") if " " not in line]


def test_every_method_gets_the_same_number_of_trials_over_the_settings_that_it_has(place):
    found = find(place, searched())
    assert [(f.method, len(f.trials)) for f in found.found] == [("plain", 6), ("weighted", 6)]
    assert {path for trial in found.found[0].trials for path in trial.settings} == {"training.penalty"}
    assert {path for trial in found.found[1].trials for path in trial.settings} == set(SPACE)
    assert len(set(begun(place))) == len(begun(place)) == 12


def test_the_best_trial_is_found(place):
    for best in find(place, searched()).found:
        values = [trial.value for trial in best.trials if trial.value is not None]
        assert best.value == min(values)
        assert best.settings == next(trial.settings for trial in best.trials if trial.value == best.value)
    for best in find(place, searched(search={"objective": "auc"})).found:
        assert best.value == max(trial.value for trial in best.trials if trial.value is not None)


def test_trials_measure_rows_of_training_with_a_seed_of_their_own(place):
    find(place, searched())
    ledger = Ledger(place / "results" / "searches")
    configs = [ledger.read(identity).config for identity in ledger.identities()]
    assert {(config.measure, config.seed) for config in configs} == {("tuning", 1000)}


def test_a_killed_search_goes_on_where_it_was_and_finds_the_same(place, tmp_path, monkeypatch):
    other = tmp_path / "other"
    fakes.prepare(other / "data")
    whole = find(other, searched())
    with pytest.raises(KeyboardInterrupt):
        find(place, searched(), on_outcome=_raise_at(7))
    before = begun(place)
    assert find(place, searched()) == whole
    assert len(begun(place)) - len(before) in (12 - 7, 12 - 7 + 1)
    assert set(begun(place)) == set(begun(other))


def _raise_at(count):
    outcomes = []

    def on_outcome(outcome):
        outcomes.append(outcome)
        if len(outcomes) == count:
            raise KeyboardInterrupt

    return on_outcome


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_jobs_changes_nothing(place, tmp_path, jobs):
    other = tmp_path / "other"
    fakes.prepare(other / "data")
    assert find(place, searched(), jobs=jobs) == find(other, searched(), jobs=2)


def test_a_trial_worse_than_the_median_of_earlier_rounds_is_given_up_after_its_second_epoch(place):
    found = find(place, searched(search={"trials": 20})).found
    failed = [trial for best in found for trial in best.trials if trial.state == "failed"]
    assert len(list((place / "results" / "searches" / "working").glob("*/"))) == len(failed)
    for best in found:
        first, later = best.trials[:4], best.trials[4:]
        assert {trial.state for trial in first} <= {"complete", "failed"}
        given_up = [trial for trial in later if trial.state == "given up"]
        assert given_up
        for trial in given_up:
            assert trial.value is None
            assert 2 <= trial.epochs < 4
        assert len(best.trials) == 20


def test_what_another_recipe_found_with_the_same_settings_is_not_searched_again(place):
    space = {**SPACE, "methods.weighted.weight": SPACE["method.weight"]}
    del space["method.weight"]
    known = find(place, searched(search={"space": space}))
    before = begun(place)
    changes = {"methods": ["plain"], "variants": {"large": {"training.batch_size": 9}}, "seeds": 1}
    alike = searched(name="other-table", search={"space": space}, **changes)
    assert find(place, alike, known=known).found == known.found[:1]
    assert begun(place) == before
    plan = make_plan(alike, data=place / "data", found=known, catalogue=fakes.catalogue())
    assert plan.runs[0].config.training.penalty == known.found[0].settings["training.penalty"]
    assert plan.runs[0].config.training.batch_size == 9


def test_two_processes_do_not_search_one_recipe(place):
    folder = place / "results" / "searches"
    folder.mkdir(parents=True)
    with FileLock(folder / "toy-table.lock"), pytest.raises(CtrbenchError, match="toy-table: another process searches"):
        find(place, searched())


def test_equal_points_of_a_round_are_run_once(place):
    space = {"training.penalty": {"low": 0.01, "high": 0.01001}}
    told = []
    recipe = searched(methods=["plain"], search={"trials": 4, "space": space})
    (found,) = find(place, recipe, on_round=lambda runs, _: told.append(len(runs))).found
    assert [trial.settings for trial in found.trials] == [{"training.penalty": 0.01}] * 4
    assert {trial.value for trial in found.trials} == {found.value}
    assert told == [1]
    assert len(begun(place)) == 1


def test_a_grid_is_searched_without_repeats(place):
    space = {"training.penalty": {"choices": [1e-4, 1e-3, 1e-2]}, "method.weight": {"choices": [0.01, 0.1]}}
    plain, weighted = find(place, searched(search={"space": space})).found
    assert (len(plain.trials), len(weighted.trials)) == (3, 6)
    assert len({repr(trial.settings) for trial in weighted.trials}) == 6
    assert weighted.settings == {"training.penalty": 1e-3, "method.weight": 0.1}


def test_a_failed_trial_counts_but_does_not_win(place):
    space = {"training.penalty": {"choices": [1e-3, 0.09]}}
    best = find(place, searched(search={"space": space})).found[0]
    assert {trial.state for trial in best.trials} == {"complete", "failed"}
    assert {trial.settings["training.penalty"]: trial.value for trial in best.trials} == {1e-3: 1.0, 0.09: None}
    assert best.settings == {"training.penalty": 1e-3}


def test_a_row_whose_trials_all_diverge_holds_up_no_other(place):
    recipe = searched(search={"space": {"training.penalty": {"choices": [1e-3]}, "method.weight": {"choices": [9]}}})
    for _ in range(2):
        found, hopeless = search(recipe, site(place), catalogue=fakes.catalogue())
        assert [(best.method, best.settings) for best in found.found] == [("plain", {"training.penalty": 1e-3})]
        assert hopeless == [Cell("toy", "net", "weighted")]
    assert len(begun(place)) == 2


def test_a_trial_that_failed_for_another_reason_is_tried_again(place, tmp_path):
    other = tmp_path / "other"
    fakes.prepare(other / "data")
    (place / "data" / "busy").touch()
    with pytest.raises(CtrbenchError, match=r"7 of 7 runs failed; toy net .*: out of memory; the same command tries"):
        find(place, searched())
    (place / "data" / "busy").unlink()
    assert find(place, searched()) == find(other, searched())


def test_trials_that_another_search_made_count_as_if_made_here(place, tmp_path):
    other = tmp_path / "other"
    fakes.prepare(other / "data")
    find(place, searched(search={"trials": 4}))
    longer = searched(search={"trials": 20})
    assert find(place, longer) == find(other, longer)


def test_rounds_tell_what_comes_after_them(place):
    told = []
    find(place, searched(), on_round=lambda runs, later: told.append((len(runs), len(later))))
    assert told == [(8, 4), (4, 0)]


def test_a_plan_takes_what_was_found(place):
    recipe = searched()
    found = find(place, recipe)
    write_found(place / "results", found)
    assert read_found(place / "results").found == found.found
    plan = make_plan(recipe, data=place / "data", found=found, catalogue=fakes.catalogue())
    for run in plan.runs:
        (best,) = found.entries(run.cell)
        assert run.config.training.penalty == best.settings["training.penalty"]
        assert run.config.method_settings.get("weight") == best.settings.get("method.weight")


def test_what_was_found_on_other_data_or_with_another_recipe_stays_on_file(place):
    first = find(place, searched())
    fakes.prepare(place / "data", items=4)
    second = find(place, searched())
    longer = find(place, searched(search={"trials": 7}))
    for found in (first, second, longer, second):
        write_found(place / "results", found)
    kept = read_found(place / "results").found
    assert sorted(map(str, kept)) == sorted(map(str, first.found + second.found + longer.found))


def test_a_damaged_journal_says_how_to_go_on(place):
    find(place, searched())
    before = begun(place)
    (journal,) = (place / "results" / "searches").glob("*.journal")
    for content in (journal.read_bytes()[:-30] + b"\n", b"\xff\xfe\n", b"{}\n"):
        journal.write_bytes(content)
        with pytest.raises(CtrbenchError, match=r"toy-table\.journal: cannot be read; remove it: finished trials have"):
            find(place, searched())
    journal.unlink()
    find(place, searched())
    assert set(begun(place)) == set(before)


def test_what_is_set_by_hand_wins_over_what_was_found(place):
    recipe = searched(overrides={"training.penalty": 0.5})
    plan = make_plan(recipe, data=place / "data", found=find(place, recipe), catalogue=fakes.catalogue())
    assert {run.config.training.penalty for run in plan.runs} == {0.5}


@pytest.mark.parametrize(
    "changes", [{"training": {"epochs": 5}}, {"search": {"trials": 7}}, {"search": {"objective": "auc"}}]
)
def test_settings_found_with_another_recipe_are_refused(place, changes):
    found = find(place, searched())
    with pytest.raises(CtrbenchError, match=OTHER_BASIS):
        make_plan(searched(**changes), data=place / "data", found=found, catalogue=fakes.catalogue())


def test_settings_found_by_another_version_of_the_algorithm_are_refused(place, monkeypatch):
    found = find(place, searched())
    make_plan(searched(), data=place / "data", found=found, catalogue=fakes.catalogue())
    monkeypatch.setattr("ctrbench.experiments.resolve.ALGORITHM_VERSION", ALGORITHM_VERSION + 1)
    with pytest.raises(CtrbenchError, match=OTHER_BASIS):
        make_plan(searched(), data=place / "data", found=found, catalogue=fakes.catalogue())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"tasks": ["conversion"]}}, "toy: unknown label 'conversion'; known: click"),
        (
            {"search": {"space": {"data.fields": {"choices": [["user", "item"], ["item", "brand"]]}}}},
            "toy: no field 'brand'; it has user, item",
        ),
        (
            {
                "methods": ["plain", "picky"],
                "search": {"space": {"data.fields": {"choices": [["user", "item"], ["item"]]}}},
            },
            "picky on net, toy: it wants the user",
        ),
        (
            {"search": {"space": {"training.epochs": {"low": 1, "high": 9}}}},
            r"training: epochs: input should be a valid integer.*got 1.0000000000000002",
        ),
        (
            {"search": {"space": {"method.weight": {"choices": [0.1, "much"]}}}},
            "methods.weighted: weight: input should be a valid number.*got 'much'",
        ),
        (
            {"search": {"space": {"training.learning_rate": {"low": -1.0, "high": 1.0}}}},
            "training: learning_rate: input should be greater than 0",
        ),
    ],
)
def test_no_trial_trains_where_a_later_one_could_not(place, changes, message):
    with pytest.raises(CtrbenchError, match=message):
        find(place, searched(**changes))
    assert fakes.log(place / "data") == []


def test_settings_found_on_other_data_are_refused(place):
    found = find(place, searched())
    fakes.prepare(place / "data", items=4)
    with pytest.raises(CtrbenchError, match="were found on other data; run: ctrbench search …/toy-table"):
        make_plan(searched(), data=place / "data", found=found, catalogue=fakes.catalogue())


def test_a_recipe_without_a_search_and_a_damaged_file(place):
    with pytest.raises(CtrbenchError, match=r"toy-table: it has no \[search\]; run: ctrbench run toy-table"):
        find(place, fakes.recipe())
    (place / "results" / "found").mkdir(parents=True)
    (place / "results" / "found" / "toy-table.toml").write_text("found = ")
    with pytest.raises(CtrbenchError, match=r"toy-table\.toml: cannot be read"):
        read_found(place / "results")
