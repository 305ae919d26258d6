import csv
import io
import tomllib

import pytest

from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.measure.again import Remeasured
from ctrbench.store.store import Store
from tests.fakes import prepared
from tests.fakes import work as fakes

TOY = ("--dataset", "toy", "--set", "training.epochs=2", "--jobs", 1)


def records(place):
    """The records that are not packed."""
    folder = Store.of(place / "results").work
    return [folder.read(identity)[0] for identity in folder.identities()]


def failing(error, method="icl"):
    """The fake work, but a method raises."""

    def work(assignment, data):
        if assignment.config.job.config.method == method:
            raise error
        return (yield from fakes.work(assignment, data))

    return lambda *choices: work


def test_without_a_recipe_the_base_is_run_too_and_the_report_is_printed(ctrbench, place):
    status, out, err = ctrbench("run", "--method", "aqcl", "--backbone", "din", "--seeds", 2, *TOY)
    assert status == 0, err
    assert "aqcl" in out
    lines = err.splitlines()
    assert lines[0] == "4 jobs: 0 done, 4 left"
    assert [line.split(":")[0] for line in lines[1:5]] == [
        f"{count}/4 toy din {method} seed {seed}"
        for count, (seed, method) in enumerate([(s, m) for s in (0, 1) for m in ("plain", "aqcl")], 1)
    ]
    last = tomllib.loads((place / "results" / "last.toml").read_text())
    names = {"datasets": ["toy"], "backbones": ["din"], "methods": ["aqcl"]}
    assert last == {**names, "seeds": 2, "overrides": {"training.epochs": 2}}
    assert fakes.log(place / "data").count("references toy") == 1
    status, again, _ = ctrbench("report")
    assert (status, again) == (0, out)


def test_a_second_command_repeats_nothing_unless_forced(ctrbench, place):
    arguments = ("run", "--method", "icl", "--seeds", 1, *TOY)
    ctrbench(*arguments)
    before = [line for line in fakes.log(place / "data") if "references" not in line]
    assert ctrbench(*arguments)[2].splitlines()[0] == "2 jobs: 2 done, 0 left"
    assert [line for line in fakes.log(place / "data") if "references" not in line] == before
    assert ctrbench(*arguments, "--force")[0] == 0
    assert [line for line in fakes.log(place / "data") if "references" not in line] == before * 2


def test_packed_jobs_are_not_repeated_unless_forced(ctrbench, place):
    arguments = ("run", "--method", "icl", "--seeds", 1, *TOY)
    ctrbench(*arguments)
    assert ctrbench("results", "pack")[1].splitlines()[0] == "2 records and 1 reference rows packed"
    assert records(place) == []
    status, _, err = ctrbench(*arguments)
    assert (status, err.splitlines()[0]) == (0, "2 jobs: 2 done, 0 left")
    err = ctrbench(*arguments, "--force")[2]
    assert err.splitlines()[-1] == "to commit these records: ctrbench results pack"
    assert len(records(place)) == 2
    ctrbench("results", "pack")
    assert ctrbench("results", "verify")[1].endswith("2 records in 2 files, intact\n")


REFUSED = {
    "rmtl": "rmtl needs the impressions of a user in their order, and this dataset's negatives are sampled",
    "c2al": "c2al needs an axis and a file of its cohorts: set method.axis, run ctrbench cohorts",
} | dict.fromkeys(
    ("pwiser", "conversion-weighted", "ranknet", "listwise"),
    'it needs a click and a conversion: data.tasks names click alone; add "conversion"',
)
"""Why methods refuse data with one label and sampled negatives."""


def test_names_with_commas_and_the_whole_matrix(ctrbench, place):
    status, out, err = ctrbench("run", "--method", "all", "--backbone", "din,deepfm", "--seeds", 1, "--dry-run", *TOY)
    assert status == 0, err
    assert out.splitlines() == [
        "14 jobs: 0 done, 14 left",
        *(
            f"  left: toy {backbone} {method} seed 0"
            for backbone in ("din", "deepfm")
            for method in ("plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl", "focal")
        ),
        *(
            f"  refused: toy {backbone} {method}: {reason}"
            for backbone in ("din", "deepfm")
            for method, reason in REFUSED.items()
        ),
    ]
    assert not (place / "results").exists()


def test_a_dry_run_names_done_left_and_stale_jobs(ctrbench, place):
    ctrbench("run", "--method", "icl", "--seeds", 1, *TOY)
    status, out, _ = ctrbench("run", "--method", "icl", "--seeds", 3, "--dry-run", *TOY)
    assert out.splitlines() == [
        "6 jobs: 2 done, 4 left",
        *(
            f"  {word}: toy din {method} seed {seeds}"
            for word, seeds in (("done", "0"), ("left", "1 2"))
            for method in ("plain", "icl")
        ),
    ]
    prepared.prepare(place / "data", items=4)
    status, out, _ = ctrbench("run", "--method", "icl", "--seeds", 1, "--dry-run", *TOY)
    assert status == 0
    assert out.splitlines()[0] == "2 jobs: 0 done, 2 left"
    stale = "2 finished jobs are stale: made with other data, another version of the algorithm, or another version of"
    assert out.splitlines()[-1] == f"  {stale} a plug-in"
    status, out, err = ctrbench("report")
    assert (status, out) == (1, "")
    assert err.startswith("error: ad-hoc: its 2 finished jobs are stale: ")


def test_a_failed_job_is_named_and_the_status_is_not_zero(ctrbench, place, monkeypatch):
    monkeypatch.setattr("ctrbench.execution.run.RunJob", failing(FloatingPointError("loss is not finite")))
    status, out, err = ctrbench("run", "--method", "icl", "--seeds", 1, *TOY)
    assert status == 1
    assert "2/2 toy din icl seed 0: failed: FloatingPointError: loss is not finite" in err
    assert err.splitlines()[-1] == (
        "error: 1 of 2 jobs failed; toy din icl seed 0: FloatingPointError: loss is not finite; "
        "the same command tries them again"
    )
    assert "plain" in out
    _, out, _ = ctrbench("run", "--method", "icl", "--seeds", 1, "--dry-run", *TOY)
    assert "  failed before: toy din icl seed 0: FloatingPointError: loss is not finite" in out.splitlines()


def test_a_recipe_keeps_its_settings_under_other_names(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(
        'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods.plain = {}\nmethods.aqcl = {weight = 0.2}\n'
        "seeds = 1\ntraining.epochs = 2\n"
    )
    ctrbench("run", recipe, "--method", "aqcl", "--jobs", 1)
    made = {record.method: record for record in records(place)}
    assert set(made) == {"plain", "aqcl"}
    assert made["aqcl"].settings["method"] == {"weight": 0.2}


VARIANTS = (
    'title = "Mine"\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\ntraining.epochs = 2\n'
    '[datasets.toy]\n"training.epochs" = 1\n'
    '[variants."as chosen"]\n[variants.heavy]\n"methods.icl.weight" = 0.5\n'
)


def test_variants_are_run_and_shown_and_a_shared_job_is_made_once(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(VARIANTS)
    jobs = ["toy din plain (as chosen) seed 0", "toy din icl (as chosen) seed 0", "toy din icl (heavy) seed 0"]
    _, out, _ = ctrbench("run", recipe, "--dry-run")
    assert out.splitlines() == ["3 jobs: 0 done, 3 left", *(f"  left: {job}" for job in jobs)]
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    assert [line.partition(" ")[2].split(":")[0] for line in err.splitlines()[1:4]] == jobs
    assert len([line for line in fakes.log(place / "data") if line.endswith("measured")]) == 3
    assert out.count("as chosen") == out.count("heavy") == 1
    _, table, _ = ctrbench("report", recipe, "--format", "csv")
    rows = [(row["method"], row["variant"]) for row in csv.DictReader(io.StringIO(table)) if row["variant"]]
    assert list(dict.fromkeys(rows)) == [
        ("plain", "as chosen"),
        ("icl", "as chosen"),
        ("plain", "heavy"),
        ("icl", "heavy"),
    ]
    _, again, _ = ctrbench("report")
    assert again == out


def test_a_dataset_keeps_its_settings_when_it_is_chosen_and_gives_way_to_set(ctrbench, place):
    prepared.prepare(place / "data", "other")
    recipe = place / "mine.toml"
    recipe.write_text(VARIANTS + '[datasets.other]\n"training.epochs" = 3\n')
    chosen = ("--method", "plain", "--jobs", 1)
    ctrbench("run", recipe, "--dataset", "other", *chosen)
    ctrbench("run", recipe, "--set", "datasets.toy.training.patience=7", *chosen)
    trained = sorted((each.dataset, each.config.training) for each in records(place))
    found = [(dataset, training.epochs, training.patience) for dataset, training in trained]
    assert found == [("other", 3, 3), ("toy", 1, 7)]


def test_columns_that_views_cut_by_are_measured_with_the_jobs(ctrbench, place, monkeypatch):
    asked = []

    def work(assignment, data):
        asked.append(assignment.config.columns)
        return (yield from fakes.work(assignment, data))

    monkeypatch.setattr("ctrbench.execution.run.RunJob", lambda *choices: work)
    views = "".join(
        f'[[views]]\nkind = "levels"\nby = "{by}"\n' for by in ("click_length/3", "activeness", "click_length/3")
    )
    (place / "mine.toml").write_text(ROW + views)
    ctrbench("run", place / "mine.toml", "--jobs", 1)
    assert asked == [("click_length/3", "activeness")]


def test_what_a_recipe_of_one_s_own_is_told_to_run_names_its_file(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(ROW)
    message = f"error: mine: no finished job yet; start with ctrbench run {recipe}\n"
    assert ctrbench("measure", recipe) == (1, "", message)


def test_what_was_run_last_is_measured_again_without_a_name(ctrbench, place, monkeypatch):
    """With its seeds and settings, which measure has no options for."""
    asked = []

    def again(records, **options):
        asked.append([(each.seed, each.settings["training"]) for each in records])
        return Remeasured((), ())

    monkeypatch.setattr("ctrbench.measure.again.measure_again", again)
    assert "no recipe has been run here yet" in ctrbench("measure")[2]
    ctrbench("run", "--dataset", "toy", "--method", "plain", "--seeds", 1, "--set", "training.epochs=2", "--jobs", 1)
    assert ctrbench("measure") == (0, "ad-hoc: 0 of 1 jobs measured again\n", "")
    assert asked == [[(0, {"epochs": 2})]]


def test_an_unknown_metric_is_named_before_anything_is_measured(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(ROW)
    message = "error: unknown metric 'acu'; did you mean auc?\n"
    assert ctrbench("measure", recipe, "--metric", "acu") == (1, "", message)


ROW = 'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain"]\nseeds = 1\ntraining.epochs = 2\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to run: name a recipe, a --method or a --backbone; see ctrbench list recipes"),
        (("quickstrat",), "unknown recipe 'quickstrat'; did you mean quickstart?"),
        (("--method", "aqlc", "--dataset", "toy"), "unknown method 'aqlc'; did you mean aqcl?"),
        (("--method", "aqcl", "--dataset", "tyo"), "unknown dataset 'tyo'; did you mean toy?"),
        (
            ("--method", "aqcl", "--dataset", "toy", "--set", "training.bach_size=1"),
            "unknown setting 'training.bach_size'; did you mean training.batch_size?",
        ),
        (
            ("--method", "aqcl", "--dataset", "toy", "--set", "training.batch_size"),
            "error: training.batch_size: want PATH=VALUE",
        ),
        (
            ("--method", "aqcl", "--dataset", "toy", "--set", "training.batch_size=many"),
            "ad-hoc: training: batch_size: ",
        ),
        (("--method", "aqcl", "--dataset", "toy", "--set", "training.watch=clck.auc"), "'clck'; did you mean click?"),
        (
            ("--method", "aqcl", "--dataset", ""),
            "an option for names has an empty value; leave it out, or name something",
        ),
        (("--method", "aqcl,", "--dataset", " , "), "an option for names has an empty value"),
        (
            ("--method", "aqcl", "--dataset", "toy", "--set", "training.epochs=true"),
            "should be a valid integer (got True)",
        ),
        (("--method", "aqcl", "--dataset", "toy", "--seeds", "0"), "ad-hoc: seeds: input should be greater"),
        (("--method", "aqcl", "--dataset", "toy", "--results", __file__), "cannot be written (Not a directory)"),
        (
            ("--method", "aqcl", "--dataset", "toy", "--cluster", "auto", "--device", "cuda"),
            "--device cuda: on a cluster jobs train on CPUs; leave out --device or --cluster",
        ),
        (
            ("--method", "aqcl", "--dataset", "toy", "--cluster", "auto", "--kernels", "fast"),
            "--kernels fast: no such kernels; use auto, reference or fused",
        ),
    ],
)
def test_faults_are_one_line(ctrbench, place, arguments, message):
    status, _, err = ctrbench("run", *arguments)
    assert status == 1
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert fakes.log(place / "data") == []


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ("[views.options]\nfoo = 1", "mine: options of view levels: unknown key 'foo'; known: none"),
        ('task = "clik"', "mine: view levels: unknown task 'clik'; did you mean click?"),
    ],
)
def test_a_view_that_cannot_be_shown_is_refused_before_anything_is_trained(ctrbench, place, view, message):
    recipe = place / "mine.toml"
    recipe.write_text(f'{ROW}[[views]]\nkind = "levels"\n{view}\n')
    assert ctrbench("run", recipe, "--jobs", 1) == (1, "", f"error: {message}\n")
    assert fakes.log(place / "data") == []


SEARCHED = (
    'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\n'
    "training.epochs = 1\n[search]\ntrials = 2\nseeds = 1\n[search.space]\n"
)


def test_a_search_comes_before_its_recipe(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(SEARCHED + '"training.penalty" = {choices = [1e-3, 1e-2]}\n')
    status, _, err = ctrbench("run", recipe, "--jobs", 1)
    wanted = f"error: mine: no settings were searched for toy din plain; run: ctrbench search {recipe}\n"
    assert (status, err) == (1, wanted)
    status, out, err = ctrbench("search", recipe, "--jobs", 1)
    assert status == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "toy din icl",
        "toy din plain",
        f"written to {place / 'results' / 'best_settings' / 'mine.toml'}; next",
    ]
    assert err.splitlines()[0].startswith("1/2 toy din plain seed 1000: search holdout AUC ")
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    assert "2 trials for each method" in " ".join(ctrbench("report", recipe, "--full")[1].split())


def test_the_device_and_the_kernels_reach_the_jobs(ctrbench, place, monkeypatch):
    chosen = []
    monkeypatch.setattr("ctrbench.execution.run.RunJob", lambda *choices: chosen.append(choices) or fakes.work)
    recipe = place / "mine.toml"
    recipe.write_text(SEARCHED + '"training.penalty" = {choices = [1e-3]}\n')
    choices = ("--device", "cpu", "--kernels", "reference")
    assert ctrbench("search", recipe, "--jobs", 1, *choices)[0] == 0
    assert ctrbench("run", recipe, "--jobs", 1, *choices)[0] == 0
    assert chosen == [("cpu", "reference")] * 2


def test_a_search_with_kernels_that_are_absent_is_refused(ctrbench, place, monkeypatch):
    monkeypatch.setattr("ctrbench.backbones.kernels.numba_problem", lambda: "numba is not installed")
    recipe = place / "mine.toml"
    recipe.write_text(SEARCHED + '"training.penalty" = {choices = [1e-3]}\n')
    message = "--kernels fused: numba is not installed; run: pip install 'ctrbench[fast]'; or use auto"
    assert ctrbench("search", recipe, "--jobs", 1, "--kernels", "fused") == (1, "", f"error: {message}\n")
    assert fakes.log(place / "data") == []


def test_a_search_stores_what_it_found_before_it_says_what_it_could_not(ctrbench, place, monkeypatch):
    monkeypatch.setattr("ctrbench.execution.run.RunJob", failing(DivergedError("the loss of epoch 1 is nan")))
    recipe = place / "mine.toml"
    recipe.write_text(SEARCHED + '"training.penalty" = {choices = [1e-3]}\n')
    for fresh in (True, False):
        status, out, err = ctrbench("search", recipe, "--jobs", 1)
        assert (status, out.startswith("toy din plain: training.penalty = 0.001 (")) == (1, fresh)
        assert err.splitlines()[-1] == "error: toy din icl: every trial diverged; narrow the [search.space] of mine"


def test_a_trial_that_failed_otherwise_is_tried_again(ctrbench, place, monkeypatch):
    recipe = place / "mine.toml"
    recipe.write_text(SEARCHED + '"training.penalty" = {choices = [1e-3]}\n')
    with monkeypatch.context() as patch:
        patch.setattr("ctrbench.execution.run.RunJob", failing(CtrbenchError("out of memory")))
        status, out, err = ctrbench("search", recipe, "--jobs", 1)
    assert (status, out) == (1, "")
    assert "1 of 1 jobs failed; toy din icl seed 1000: out of memory; the same command tries them again" in err
    assert ctrbench("search", recipe, "--jobs", 1)[0] == 0


@pytest.mark.parametrize("dataset", ["toy", "amazon-beauty"])
def test_what_needs_no_data_is_refused_before_the_plan_and_before_missing_data(ctrbench, place, monkeypatch, dataset):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("ctrbench.backbones.kernels.numba_problem", lambda: "numba is not installed")
    for option, value, message in (
        ("--device", "tpu", "--device tpu: no such device; use cpu, cuda or auto"),
        ("--device", "cuda", "--device cuda: torch sees no CUDA device; use cpu or auto"),
        (
            "--kernels",
            "fused",
            "--kernels fused: numba is not installed; run: pip install 'ctrbench[fast]'; or use auto",
        ),
        ("--kernels", "fast", "--kernels fast: no such kernels; use auto, reference or fused"),
        ("--set", "training.bach_size=1", "unknown setting 'training.bach_size'; did you mean training.batch_size?"),
    ):
        found = ctrbench("run", "--method", "aqcl", "--dataset", dataset, option, value)
        assert found == (1, "", f"error: {message}\n")
