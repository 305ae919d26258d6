import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import Outcome
from ctrbench.planning.plan import make_plan
from ctrbench.planning.search_basis import UnsearchedError
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings, read_best_settings, write_best_settings
from ctrbench.store.identity import ALGORITHM_VERSION
from ctrbench.store.store import Store
from tests.fakes import prepared
from tests.fakes.recipes import recipe as toy_recipe
from tests.fakes.registries import Weighted, registries
from tests.fakes.work import log
from tests.tuning.trials import SPACE, find_all, searched

ROOT = Path(__file__).parents[2]
PICKY = {"backbones": ["deep"], "methods": ["picky"], "base": "picky"}
OTHER_BASIS = (
    "the settings of toy net plain were searched with another recipe or another version of the algorithm; "
    "run: ctrbench search …/toy-table.toml"
)


def find(place, recipe, **options):
    found = find_all(place, recipe, **options)
    assert (found.hopeless, found.refused) == ([], {})
    return found.best


def begun(place):
    """Names of the trials that were begun."""
    return [line for line in log(place / "data") if " " not in line]


def plan_of(place, recipe, best):
    return make_plan(recipe, data=place / "data", best=best, registries=registries())


@pytest.fixture
def other(tmp_path):
    """Another folder with the same data."""
    prepared.prepare(tmp_path / "other" / "data")
    return tmp_path / "other"


def test_every_method_gets_the_same_number_of_trials_over_the_settings_that_it_has(place):
    best = find(place, searched())
    assert [(each.method, len(each.trials)) for each in best.results] == [("plain", 6), ("weighted", 6)]
    assert {path for trial in best.results[0].trials for path in trial.settings} == {"training.penalty"}
    assert {path for trial in best.results[1].trials for path in trial.settings} == set(SPACE)
    assert len(set(begun(place))) == len(begun(place)) == 12


@pytest.mark.parametrize(("objective", "best_of"), [("logloss", min), ("auc", max)])
def test_the_best_trial_wins(place, objective, best_of):
    for result in find(place, searched(search={"objective": objective})).results:
        assert result.value == best_of(trial.value for trial in result.trials if trial.value is not None)
        assert result.settings == next(trial.settings for trial in result.trials if trial.value == result.value)
        assert result.objective == objective


def test_trials_are_measured_on_the_search_holdout_with_seeds_that_no_table_has(place):
    find(place, searched(search={"seeds": 3}))
    folder = Store.of_searches(place / "results").work
    records = [folder.read(identity)[0] for identity in folder.identities()]
    assert {record.judged_on for record in records} == {"search_holdout"}
    assert {record.seed for record in records} == {1000, 1001, 1002}


WEIGHTS = {"training.penalty": {"choices": [1e-3]}, "method.weight": {"choices": [0.01, 0.05, 0.1]}}


def test_the_best_share_of_the_trials_runs_with_further_seeds(place):
    rounds = []
    recipe = searched(search={"trials": 10, "seeds": 3})
    best = find(place, recipe, on_round=lambda jobs, later: rounds.append((len(jobs), len(later))))
    for result in best.results:
        values = sorted(trial.value for trial in result.trials if trial.value is not None)
        assert sorted(trial.value for trial in result.finalists) == values[:3]
        assert {len(trial.further) for trial in result.trials if trial not in result.finalists} == {0}
        assert result.seeds == 3
    # Plain is searched first: 4, 4 and 2 trials, then three finalists with two more seeds each, two of them at a time.
    assert rounds == 2 * [(4, 12), (4, 8), (2, 6), (4, 2), (2, 0)]


def test_the_best_mean_wins_not_the_best_seed(place):
    (place / "data" / "luck").touch()
    recipe = searched(search={"space": WEIGHTS, "finalists": 1, "seeds": 3})
    weighted = find(place, recipe).results[1]
    lucky = next(trial for trial in weighted.trials if trial.settings["method.weight"] == 0.05)
    assert lucky.value == min(trial.value for trial in weighted.trials)
    assert weighted.settings["method.weight"] == 0.1
    assert weighted.value == pytest.approx(0.9)


def test_a_finalist_that_diverges_with_a_further_seed_does_not_win(place):
    (place / "data" / "unstable").touch()
    recipe = searched(search={"space": WEIGHTS, "finalists": 1, "seeds": 3})
    weighted = find(place, recipe).results[1]
    assert weighted.settings["method.weight"] == 0.05
    assert len(weighted.finalists) == 2
    write_best_settings(place / "results", BestSettings(recipe="toy-table", results=(weighted,)))
    assert read_best_settings(place / "results").results == (weighted,)


def test_a_method_starts_from_the_best_settings_of_the_base(place):
    space = {**SPACE, "method.weight": {"low": 0.01, "high": 0.1}}
    plain, weighted = find(place, searched(search={"seeds": 2, "space": space})).results
    assert plain.trials[0].settings != plain.settings
    assert weighted.trials[0].settings == {**plain.settings, "method.weight": 0.05}
    outside = {**SPACE, "method.weight": {"low": 0.06, "high": 0.1}}
    _, weighted = find(place, searched(search={"seeds": 2, "space": outside})).results
    assert weighted.trials[0].settings["training.penalty"] == plain.settings["training.penalty"]
    assert weighted.trials[0].settings["method.weight"] > 0.06


def test_with_a_frozen_base_only_settings_of_the_method_are_searched(place):
    recipe = searched(search={"freeze_base": True, "base_trials": 9, "seeds": 2})
    plain, weighted = find(place, recipe).results
    assert len(plain.trials) == 9
    assert sorted(trial.settings["method.weight"] for trial in weighted.trials) == [0.01, 0.05, 0.1]
    assert all(len(trial.settings) == 1 for trial in weighted.trials)
    assert weighted.settings == {**plain.settings, "method.weight": 0.1}
    found = plan_of(place, recipe, BestSettings(results=(plain, weighted)))
    assert {job.config.training.penalty for job in found.jobs} == {plain.settings["training.penalty"]}


def test_a_method_is_searched_anew_around_other_settings_of_a_frozen_base(place):
    recipe = searched(search={"freeze_base": True})
    plain, weighted = find(place, recipe).results
    other = plain.model_copy(update={"settings": {**plain.settings, "training.penalty": 0.02}})
    with pytest.raises(UnsearchedError, match="with another recipe"):
        plan_of(place, recipe, BestSettings(results=(other, weighted)))
    _, renewed = find(place, recipe, known=BestSettings(results=(other, weighted))).results
    assert renewed.settings["training.penalty"] == 0.02


def test_a_method_that_refuses_the_settings_of_a_frozen_base_holds_up_no_other(place, monkeypatch):
    monkeypatch.setattr(Weighted, "least_epochs", lambda settings: 2)
    space = {**SPACE, "training.epochs": {"choices": [1]}}
    recipe = searched(search={"freeze_base": True, "space": space})
    refused = {RowKey("toy", "net", "weighted"): "with its settings it needs training.epochs of at least 2, and has 1"}
    found = find_all(place, recipe)
    assert ([each.method for each in found.best.results], found.refused) == (["plain"], refused)
    made = plan_of(place, recipe, found.best)
    assert ({job.config.method for job in made.jobs}, made.refused) == ({"plain"}, refused)


def test_a_search_of_nothing_but_refused_rows(place):
    with pytest.raises(CtrbenchError, match="toy-table: nothing to search; toy deep picky: it wants a history"):
        find_all(place, toy_recipe(**PICKY, search={"trials": 1, "space": {"training.penalty": {"choices": [1e-3]}}}))


def test_no_two_rows_draw_the_same_points(place):
    plain, weighted = find(place, searched()).results
    drawn = [{trial.settings["training.penalty"] for trial in result.trials[1:]} for result in (plain, weighted)]
    assert len(drawn[0]) == 5
    assert drawn[0].isdisjoint(drawn[1])


def test_a_dataset_may_have_another_number_of_trials(place):
    prepared.prepare(place / "data", name="other")
    recipe = searched(datasets=["toy", "other"], search={"trials_on": {"other": 2}})
    trials = [(each.dataset, len(each.trials)) for each in find(place, recipe).results]
    assert trials == [("other", 2), ("other", 2), ("toy", 6), ("toy", 6)]


@pytest.mark.parametrize(("objective", "penalty"), [("logloss", 1e-3), ("conversion.logloss", 1e-4)])
def test_the_objective_may_be_a_metric_of_another_task(place, objective, penalty):
    prepared.prepare(place / "data", labels=("click", "conversion"))
    space = {"training.penalty": {"choices": [1e-4, 1e-3]}}
    recipe = searched(
        methods=["plain"],
        data={"tasks": ["click", "conversion"]},
        search={"objective": objective, "space": space},
    )
    (result,) = find(place, recipe).results
    assert (result.objective, result.settings) == (objective, {"training.penalty": penalty})


def _raise_at(count):
    outcomes: list[Outcome] = []

    def on_outcome(outcome):
        outcomes.append(outcome)
        if len(outcomes) == count:
            raise KeyboardInterrupt

    return on_outcome


@pytest.mark.parametrize("ended", [3, 7, 9, 15])
def test_an_interrupted_search_goes_on_where_it_was_and_finds_the_same(place, other, ended):
    """The first rung of plain has six jobs, its second has four, and so have those of the other method."""
    recipe = searched(search={"seeds": 3})
    whole = find(other, recipe)
    with pytest.raises(KeyboardInterrupt):
        find(place, recipe, on_outcome=_raise_at(ended))
    before = begun(place)
    assert find(place, recipe) == whole
    assert len(begun(place)) - len(before) in (20 - ended, 20 - ended + 1)
    assert set(begun(place)) == set(begun(other))


def test_a_killed_search_finds_the_same_with_another_number_of_jobs(place, other):
    data = place / "data"
    (data / "pause").write_text("0.05")
    arguments = [sys.executable, "-m", "tests.tuning.trials", str(place), "1"]
    process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL)
    while sum(line.endswith("epoch 2") for line in log(data)) < 6:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (data / "pause").unlink()
    assert 0 < len(begun(place)) < 12
    assert find(place, searched(), jobs=2) == find(other, searched())
    assert set(begun(place)) == set(begun(other))


def test_the_number_of_jobs_changes_nothing(place, other):
    recipe = searched(search={"trials": 10, "seeds": 3})
    assert find(place, recipe, jobs=3) == find(other, recipe)


def test_looks_may_be_searched_too(place):
    space = {**SPACE, "training.looks": {"choices": [1, 3]}}
    (best,) = find(
        place, searched(search={"trials": 12, "space": space}, methods=["weighted"], base="weighted")
    ).results
    assert {trial.settings["training.looks"] for trial in best.trials} == {1, 3}
    assert {trial.epochs for trial in best.trials if trial.state == "complete"} == {4}


def test_epochs_are_counted_where_training_does_not_look_at_the_objective(place):
    trials = find(place, searched(search={"objective": "ne"}, methods=["weighted"], base="weighted")).results[0].trials
    assert {(trial.state, trial.epochs) for trial in trials} == {("complete", 4), ("failed", 0)}


def test_what_another_recipe_found_with_the_same_settings_is_not_searched_again(place):
    space = {**SPACE, "methods.weighted.weight": SPACE["method.weight"]}
    del space["method.weight"]
    known = find(place, searched(search={"space": space}))
    before = begun(place)
    changes = {"methods": ["plain"], "variants": {"large": {"training.batch_size": 9}}, "seeds": 1}
    alike = searched(name="other-table", search={"space": space}, **changes)
    assert find(place, alike, known=known).results == known.results[:1]
    assert begun(place) == before
    (job,) = plan_of(place, alike, known).jobs
    assert job.config.training.penalty == known.results[0].settings["training.penalty"]
    assert job.config.training.batch_size == 9


def test_two_processes_do_not_search_one_recipe(place):
    folder = place / "results" / "work" / "searches"
    folder.mkdir(parents=True)
    with (
        FileLock(folder / "toy-table.lock"),
        pytest.raises(CtrbenchError, match="toy-table: another process is searching it"),
    ):
        find(place, searched())


def test_equal_points_of_a_round_are_run_once(place):
    space = {"training.penalty": {"low": 0.01, "high": 0.01001}}
    rounds = []
    recipe = searched(methods=["plain"], search={"trials": 4, "space": space})
    (best,) = find(place, recipe, on_round=lambda jobs, _: rounds.append(len(jobs))).results
    assert [trial.settings for trial in best.trials] == [{"training.penalty": 0.01}] * 4
    assert {trial.value for trial in best.trials} == {best.value}
    assert rounds == [1]
    assert len(begun(place)) == 1


def test_a_grid_is_searched_without_repeats(place):
    space = {"training.penalty": {"choices": [1e-4, 1e-3, 1e-2]}, "method.weight": {"choices": [0.01, 0.1]}}
    plain, weighted = find(place, searched(search={"space": space})).results
    assert (len(plain.trials), len(weighted.trials)) == (3, 6)
    assert len({repr(trial.settings) for trial in weighted.trials}) == 6
    assert weighted.settings == {"training.penalty": 1e-3, "method.weight": 0.1}


def test_of_a_grid_with_more_points_than_trials_the_best_of_the_base_is_tried_first(place):
    penalties = {"choices": [1e-5, 1e-4, 1e-3, 1e-2]}
    space = {"training.penalty": penalties, "method.weight": {"choices": [0.01, 0.03, 0.05, 0.1]}}
    plain, weighted = find(place, searched(search={"space": space, "trials": 4})).results
    assert weighted.trials[0].settings == {**plain.settings, "method.weight": 0.05}
    assert len(weighted.trials) == 4


def test_a_failed_trial_counts_but_does_not_win(place):
    space = {"training.penalty": {"choices": [1e-3, 0.09]}}
    best = find(place, searched(search={"space": space})).results[0]
    assert {trial.state for trial in best.trials} == {"complete", "failed"}
    assert {trial.settings["training.penalty"]: trial.value for trial in best.trials} == {1e-3: 1.0, 0.09: None}
    assert best.settings == {"training.penalty": 1e-3}


def test_a_row_whose_trials_all_diverge_holds_up_no_other(place):
    recipe = searched(search={"space": {"training.penalty": {"choices": [1e-3]}, "method.weight": {"choices": [9]}}})
    for _ in range(2):
        found = find_all(place, recipe)
        assert [(each.method, each.settings) for each in found.best.results] == [("plain", {"training.penalty": 1e-3})]
        assert found.hopeless == [RowKey("toy", "net", "weighted")]
    assert len(begun(place)) == 2


def test_a_trial_that_failed_for_another_reason_is_tried_again(place, other):
    (place / "data" / "busy").touch()
    with pytest.raises(CtrbenchError, match=r"4 of 4 jobs failed; toy net .*: out of memory; the same command tries"):
        find(place, searched())
    (place / "data" / "busy").unlink()
    assert find(place, searched()) == find(other, searched())


def test_trials_that_another_search_made_count_as_if_made_here(place, other):
    find(place, searched(search={"trials": 4}))
    longer = searched(search={"trials": 20})
    assert find(place, longer) == find(other, longer)


def test_a_wider_search_takes_the_trials_of_a_narrower_one_from_its_file(place):
    small = searched(search={"seeds": 2, "space": WEIGHTS})
    first = find(place, small)
    again, afresh = place / "again", place / "afresh"
    for folder in (again, afresh):
        prepared.prepare(folder / "data")
    wider = {**WEIGHTS, "training.penalty": {"choices": [1e-3, 1e-2]}}
    recipe = searched(search={"seeds": 2, "finalists": 0.01, "space": wider})
    found = find(again, recipe, known=first)
    # plain: 1e-2; weighted: three weights at 1e-2. The finalists are those of the first search.
    assert len(begun(again)) == 4
    assert set(begun(again)).isdisjoint(begun(place))
    assert found == find(afresh, recipe)
    for before, after in zip(first.results, found.results, strict=True):
        assert (after.settings, after.value) == (before.settings, before.value)
        assert {trial.identity for trial in before.trials} <= {trial.identity for trial in after.trials}


def test_trials_are_kept_round_by_round_and_another_machine_goes_on(place, other):
    recipe = searched(search={"trials": 8, "seeds": 2, "finalists": 0.5})
    rounds = []
    whole = find(place, recipe, on_trials=rounds.append)
    plain = [each for each in rounds if each.method == "plain"]
    assert [len(each.trials) for each in plain] == [4, 8, 8, 8]
    assert [sum(len(trial.further) for trial in each.trials) for each in plain] == [0, 0, 2, 4]
    # The rest of plain's second rung, and all trials of the other method.
    assert find(other, recipe, known=BestSettings(unfinished=(plain[2],))) == whole
    assert len(begun(other)) == len(begun(place)) - 8 - 2


def test_a_search_that_ends_takes_the_place_of_its_trials_on_file(place):
    recipe, rounds = searched(), []
    whole = find(place, recipe, on_trials=rounds.append)
    results = place / "results"
    write_best_settings(results, BestSettings(recipe=recipe.name, unfinished=(rounds[0],)))
    write_best_settings(results, BestSettings(recipe=recipe.name, unfinished=(rounds[-1],)))
    assert read_best_settings(results).unfinished == (rounds[0], rounds[-1])
    assert (rounds[0].method, rounds[-1].method) == ("plain", "weighted")
    write_best_settings(results, whole.model_copy(update={"results": whole.results[:1]}))
    assert read_best_settings(results).unfinished == (rounds[-1],)
    assert read_best_settings(results).results == whole.results[:1]


def test_rounds_name_what_comes_after_them(place):
    rounds = []
    find(place, searched(), on_round=lambda jobs, later: rounds.append((len(jobs), len(later))))
    assert rounds == 2 * [(4, 2), (2, 0)]


def test_a_plan_takes_the_best_settings(place):
    recipe = searched()
    best = find(place, recipe)
    write_best_settings(place / "results", best)
    assert read_best_settings(place / "results").results == best.results
    for job in plan_of(place, recipe, best).jobs:
        (result,) = best.entries(job.row)
        assert job.config.training.penalty == result.settings["training.penalty"]
        weight = result.settings.get("method.weight", 0.05)
        assert job.config.settings.get("method", {}).get("weight", 0.05) == weight


def test_results_on_other_data_or_with_another_recipe_stay_on_file(place):
    first = find(place, searched())
    prepared.prepare(place / "data", items=4)
    second = find(place, searched())
    longer = find(place, searched(search={"trials": 7}))
    for best in (first, second, longer, second):
        write_best_settings(place / "results", best)
    kept = read_best_settings(place / "results").results
    assert sorted(map(str, kept)) == sorted(map(str, first.results + second.results + longer.results))


def test_a_damaged_journal_names_the_way_out(place):
    find(place, searched())
    before = begun(place)
    (journal,) = (place / "results" / "work" / "searches").glob("*.journal")
    for content in (journal.read_bytes()[:-30] + b"\n", b"\xff\xfe\n", b"{}\n"):
        journal.write_bytes(content)
        with pytest.raises(CtrbenchError, match=r"toy-table\.journal: cannot be read; remove it: finished trials have"):
            find(place, searched())
    journal.unlink()
    find(place, searched())
    assert set(begun(place)) == set(before)


def test_what_is_set_by_hand_wins_over_the_best_settings(place):
    recipe = searched(overrides={"training.penalty": 0.5})
    plan = plan_of(place, recipe, find(place, recipe))
    assert {job.config.training.penalty for job in plan.jobs} == {0.5}


@pytest.mark.parametrize(
    "changes", [{"training": {"epochs": 5}}, {"search": {"trials": 7}}, {"search": {"objective": "auc"}}]
)
def test_best_settings_of_another_recipe_are_refused(place, changes):
    best = find(place, searched())
    with pytest.raises(CtrbenchError, match=OTHER_BASIS):
        plan_of(place, searched(**changes), best)


def test_best_settings_of_another_version_of_the_algorithm_are_refused(place, monkeypatch):
    best = find(place, searched())
    plan_of(place, searched(), best)
    monkeypatch.setattr("ctrbench.planning.search_basis.ALGORITHM_VERSION", ALGORITHM_VERSION + 1)
    with pytest.raises(CtrbenchError, match=OTHER_BASIS):
        plan_of(place, searched(), best)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"tasks": ["conversion"]}}, "toy: unknown label 'conversion'; known: click"),
        ({"search": {"objective": "conversion.auc"}}, "unknown task of search.objective 'conversion'; known: click"),
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
            r"search.space.training.epochs = 1.0: .*training: epochs: input should be a valid integer",
        ),
        (
            {"search": {"space": {"method.weight": {"choices": [0.1, "much"]}}}},
            "search.space.method.weight = 'much': methods.weighted: weight: input should be a valid number",
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
    assert log(place / "data") == []


def test_best_settings_on_other_data_are_refused(place):
    best = find(place, searched())
    prepared.prepare(place / "data", items=4)
    with pytest.raises(CtrbenchError, match=r"were searched on other data; run: ctrbench search …/toy-table\.toml"):
        plan_of(place, searched(), best)


def test_a_cohort_that_a_method_reads_is_part_of_the_data_of_its_search(place):
    """Of a method that reads none, a cohort's change costs no search."""
    among = registries(("plain", "seeing"))

    def prepare(codes):
        contents = {**prepared.manifest().contents, "users.parquet": {"age_group": codes * 64}}
        prepared.prepare(place / "data", cohorts=(prepared.AGES,), contents=contents)

    prepare("0")
    space = {"training.penalty": {"choices": [0.01]}}
    recipe = searched(methods=["plain", "seeing"], seeds=1, search={"space": space})
    best = find(place, recipe, among=among)
    write_best_settings(place / "results", best)
    assert read_best_settings(place / "results").results == best.results
    assert {each.method: each.cohorts for each in best.results} == {"plain": (), "seeing": ("age_group",)}
    assert len(make_plan(recipe, data=place / "data", best=best, registries=among).jobs) == 2
    prepare("1")
    with pytest.raises(CtrbenchError, match="the settings of toy net seeing were searched on other data"):
        make_plan(recipe, data=place / "data", best=best, registries=among)
    before = begun(place)
    again = find(place, recipe, among=among, known=best)
    assert len(begun(place)) == len(before) + 1
    assert [each.cohort_fingerprint for each in again.results] != [each.cohort_fingerprint for each in best.results]


def test_a_recipe_without_a_search(place):
    with pytest.raises(CtrbenchError, match=r"toy-table: it has no \[search\]; run: ctrbench run …/toy-table"):
        find(place, toy_recipe())


def test_a_damaged_file_of_best_settings(place):
    (place / "results" / "best_settings").mkdir(parents=True)
    (place / "results" / "best_settings" / "toy-table.toml").write_text("results = ")
    with pytest.raises(CtrbenchError, match=r"toy-table\.toml: cannot be read"):
        read_best_settings(place / "results")


def test_a_dataset_may_have_a_space_of_its_own(place):
    prepared.prepare(place / "data", name="other")
    space = {**SPACE, "datasets.other.training.penalty": {"low": 1e-3, "high": 1e-2}}
    found = find(place, searched(datasets=["toy", "other"], search={"space": space})).results
    assert {(each.dataset, path) for each in found for path in each.settings} == {
        ("other", "datasets.other.training.penalty"),
        ("other", "method.weight"),
        ("toy", "training.penalty"),
        ("toy", "method.weight"),
    }
    assert {each.dataset: each.basis for each in found}["toy"] == find(place, searched()).results[-1].basis
