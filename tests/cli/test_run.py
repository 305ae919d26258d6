import tomllib

import pytest

from ctrbench.errors import DivergedError
from tests.experiments import fakes

TOY = ("--dataset", "toy", "--set", "training.epochs=2", "--jobs", 1)


def test_without_a_recipe_the_base_is_run_too_and_the_table_is_printed(ctrbench, place):
    status, out, err = ctrbench("run", "--method", "aqcl", "--backbone", "din", "--seeds", 2, *TOY)
    assert status == 0, err
    assert "aqcl" in out
    lines = err.splitlines()
    assert lines[0] == "4 runs: 0 done, 4 left"
    assert [line.split(":")[0] for line in lines[1:]] == [
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
    before = fakes.log(place / "data")
    assert ctrbench(*arguments)[2].splitlines() == ["2 runs: 2 done, 0 left"]
    assert fakes.log(place / "data") == before
    assert ctrbench(*arguments, "--force")[0] == 0
    assert len(fakes.log(place / "data")) == len(before) + 2 * 3


def test_names_with_commas_and_the_whole_matrix(ctrbench, place):
    status, out, err = ctrbench("run", "--method", "all", "--backbone", "din,deepfm", "--seeds", 1, "--dry-run", *TOY)
    assert status == 0, err
    assert out.splitlines() == [
        "12 runs: 0 done, 12 left",
        *(
            f"  left: toy {backbone} {method} seed 0"
            for backbone in ("din", "deepfm")
            for method in ("plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl")
        ),
    ]
    assert not (place / "results").exists()


def test_a_dry_run_tells_done_left_and_left_aside(ctrbench, place):
    ctrbench("run", "--method", "icl", "--seeds", 1, *TOY)
    status, out, _ = ctrbench("run", "--method", "icl", "--seeds", 2, "--dry-run", *TOY)
    assert out.splitlines() == [
        "4 runs: 2 done, 2 left",
        *(
            f"  {word}: toy din {method} seed {seed}"
            for word, seed in (("done", 0), ("left", 1))
            for method in ("plain", "icl")
        ),
    ]
    fakes.prepare(place / "data", items=4)
    status, out, _ = ctrbench("run", "--method", "icl", "--seeds", 1, "--dry-run", *TOY)
    assert status == 0
    assert out.splitlines()[0] == "2 runs: 0 done, 2 left"
    aside = "2 runs of other data are left aside: the prepared data changed after them"
    assert out.splitlines()[-1] == f"  {aside}"
    message = f"error: ad-hoc: {aside}; make them again with ctrbench run\n"
    assert ctrbench("report") == (1, "", message)


def test_a_failed_run_is_told_and_the_status_is_not_zero(ctrbench, place, monkeypatch):
    def diverging(config, **arguments):
        if config.method == "icl":
            raise FloatingPointError("loss is not finite")
        return fakes.runner(config, **arguments)

    monkeypatch.setattr("ctrbench.experiments.single.execute_run", diverging)
    status, out, err = ctrbench("run", "--method", "icl", "--seeds", 1, *TOY)
    assert status == 1
    assert "2/2 toy din icl seed 0: failed: FloatingPointError: loss is not finite" in err
    assert err.splitlines()[-1] == (
        "error: 1 of 2 runs failed; toy din icl seed 0: FloatingPointError: loss is not finite; "
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
    ledger = fakes.Ledger(place / "results")
    configs = {record.config.method: record.config for record in map(ledger.read, ledger.identities())}
    assert set(configs) == {"plain", "aqcl"}
    assert configs["aqcl"].method_settings["weight"] == 0.2


VARIANTS = (
    'title = "Mine"\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\ntraining.epochs = 2\n'
    '[datasets.toy]\n"training.epochs" = 1\n'
    '[variants."as chosen"]\n[variants.heavy]\n"methods.icl.weight" = 0.5\n'
)


def test_variants_are_run_and_shown_and_a_shared_run_is_made_once(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(VARIANTS)
    runs = ["toy din plain (as chosen) seed 0", "toy din icl (as chosen) seed 0", "toy din icl (heavy) seed 0"]
    _, out, _ = ctrbench("run", recipe, "--dry-run")
    assert out.splitlines() == ["3 runs: 0 done, 3 left", *(f"  left: {run}" for run in runs)]
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    assert [line.partition(" ")[2].split(":")[0] for line in err.splitlines()[1:]] == runs
    assert len([line for line in fakes.log(place / "data") if line.endswith("measured")]) == 3
    assert out.count("as chosen") == out.count("heavy") >= 2
    _, table, _ = ctrbench("report", recipe, "--format", "csv")
    rows = [line.split(",")[3:5] for line in table.splitlines() if ",overall,auc," in line]
    assert rows == [["plain", "as chosen"], ["icl", "as chosen"], ["plain", "heavy"], ["icl", "heavy"]]
    _, again, _ = ctrbench("report")
    assert again == out


def test_a_dataset_keeps_its_settings_when_it_is_chosen_and_gives_way_to_set(ctrbench, place):
    fakes.prepare(place / "data", "other")
    recipe = place / "mine.toml"
    recipe.write_text(VARIANTS + '[datasets.other]\n"training.epochs" = 3\n')
    chosen = ("--method", "plain", "--jobs", 1)
    ctrbench("run", recipe, "--dataset", "other", *chosen)
    ctrbench("run", recipe, "--set", "datasets.toy.training.patience=7", *chosen)
    ledger = fakes.Ledger(place / "results")
    found = sorted((c.dataset, c.training.epochs, c.training.patience) for c in (
        ledger.read(identity).config for identity in ledger.identities()))  # fmt: skip
    assert found == [("other", 3, 3), ("toy", 1, 7)]


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
        (("--method", "aqcl", "--dataset", "toy", "--seeds", "0"), "ad-hoc: seeds: input should be greater"),
        (("--method", "aqcl", "--dataset", "toy", "--results", __file__), "cannot be written (Not a directory)"),
    ],
)
def test_faults_are_one_line(ctrbench, place, arguments, message):
    status, _, err = ctrbench("run", *arguments)
    assert status == 1
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert fakes.log(place / "data") == []


def test_a_search_comes_before_its_recipe(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(
        'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\n'
        'training.epochs = 1\n[search]\ntrials = 2\n[search.space]\n"training.penalty" = {choices = [1e-3, 1e-2]}\n'
    )
    status, _, err = ctrbench("run", recipe, "--jobs", 1)
    wanted = "error: mine: no settings were searched for toy din plain; run: ctrbench search …/mine.toml\n"
    assert (status, err) == (1, wanted)
    status, out, err = ctrbench("search", recipe, "--jobs", 1)
    assert status == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "toy din icl",
        "toy din plain",
        f"written to {place / 'results' / 'found' / 'mine.toml'}; next",
    ]
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    assert "2 trials" in out


def test_a_search_files_what_it_found_before_it_tells_what_it_could_not(ctrbench, place, monkeypatch):
    def diverging(config, **arguments):
        if config.method == "icl":
            raise DivergedError("the loss of epoch 1 is nan")
        return fakes.runner(config, **arguments)

    monkeypatch.setattr("ctrbench.experiments.single.execute_run", diverging)
    recipe = place / "mine.toml"
    recipe.write_text(
        'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\n'
        'training.epochs = 1\n[search]\ntrials = 1\n[search.space]\n"training.penalty" = {choices = [1e-3]}\n'
    )
    for fresh in (True, False):
        status, out, err = ctrbench("search", recipe, "--jobs", 1)
        assert (status, out.startswith("toy din plain: training.penalty = 0.001 (")) == (1, fresh)
        assert err.splitlines()[-1] == ("error: toy din icl: every trial diverged; narrow the [search.space] of mine")


@pytest.mark.parametrize("dataset", ["toy", "amazon-beauty"])
def test_what_needs_no_data_is_refused_before_the_plan_and_before_missing_data(ctrbench, place, monkeypatch, dataset):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for option, value, message in (
        ("--device", "tpu", "--device tpu: no such device; use cpu, cuda or auto"),
        ("--device", "cuda", "--device cuda: torch sees no CUDA device; use cpu or auto"),
        ("--set", "training.bach_size=1", "unknown setting 'training.bach_size'; did you mean training.batch_size?"),
    ):
        found = ctrbench("run", "--method", "aqcl", "--dataset", dataset, option, value)
        assert found == (1, "", f"error: {message}\n")
