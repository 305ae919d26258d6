"""``ctrbench cohorts`` as a user runs it, with real training, and a recipe that reads its file."""

import tomllib

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.planning.plan import make_plan
from ctrbench.recipe.read import read_recipe

SHORT = ("--set", "training.epochs=1", "--set", "training.batch_size=256")
RECIPE = """
title = "Cohorts"
cohorts = ["cohorts.toml"]
datasets = ["shown"]
backbones = ["din"]
methods = ["plain", "c2al"]
seeds = 1
[training]
epochs = 1
batch_size = 256
[variants."by age"]
"methods.c2al.axis" = "age_group"
[variants."by age, random"]
"methods.c2al.axis" = "age_group"
"methods.c2al.pair" = "random"
[variants."by length"]
"methods.c2al.axis" = "click_length/2"
"""


@pytest.fixture
def place(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CTRBENCH_DATA", str(data_folder))
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    return tmp_path


def test_the_backbone_is_that_of_the_recipe(ctrbench, place):
    base = RECIPE.replace('cohorts = ["cohorts.toml"]\n', "").partition("[variants")[0]
    (place / "base.toml").write_text(base.replace('"din"', '"wide-deep"'))
    status, _, err = ctrbench("cohorts", "shown", "--axis", "age_group", "--recipe", place / "base.toml")
    assert status == 0, err
    assert "baseline: shown wide-deep plain seed 0" in err
    (place / "base.toml").write_text(base.replace('"din"', '"din", "deepfm"'))
    status, _, err = ctrbench("cohorts", "shown", "--axis", "age_group", "--recipe", place / "base.toml")
    assert status == 1
    assert "din, deepfm; name one with --backbone" in err.replace("\n", " ")


def test_a_baseline_is_trained_once_and_its_cohorts_reach_the_jobs_of_a_recipe(ctrbench, place, data_folder):
    file, figure = place / "cohorts.toml", place / "age.png"
    status, out, err = ctrbench(
        "cohorts", "shown", "--axis", "age_group", *SHORT, "--output", file, "--figure", figure, "--shuffles", 10
    )
    assert status == 0, err
    assert "trained in" in err
    assert "most divergent" in out.replace("\n", " ")
    assert figure.read_bytes().startswith(b"\x89PNG")
    status, _, err = ctrbench("cohorts", "shown", "--axis", "click_length/3", *SHORT, "--output", file)
    assert status == 0, err
    assert "trained in" not in err
    assert file.read_text().startswith("# ctrbench cohorts shown --axis click_length/3 --set training.epochs=1 --set ")
    found = {each["axis"]: each for each in tomllib.loads(file.read_text())["cohorts"]}
    assert set(found) == {"age_group", "click_length/3"}
    (place / "mine.toml").write_text(RECIPE)
    plan = make_plan(read_recipe(place / "mine.toml"), data=data_folder)
    assert [row.variant for row in plan.refused] == ["by length"]
    assert "have none of axis 'click_length/2' of this dataset" in next(iter(plan.refused.values()))
    own = {job.row.variant: job.config.settings["method"] for job in plan.jobs if job.config.method == "c2al"}
    pairs = {pair["pair"]: pair for pair in found["age_group"]["pairs"]}
    assert own["by age"]["head"] == pairs["divergent"]["head"]["rule"]
    assert own["by age, random"]["tail"] == pairs["random"]["tail"]["rule"]
    assert len({job.identity for job in plan.jobs}) == 3
    status, out, err = ctrbench("run", place / "mine.toml", "--jobs", 1)
    assert status == 0, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shown", "--axis", "age_grup"), "shown: unknown axis 'age_grup'; did you mean age_group"),
        (("shown", "--axis", "age_group", "--axis", "nothing"), "shown: unknown axis 'nothing'"),
        (("shwn", "--axis", "age_group"), "unknown dataset 'shwn'; did you mean shown"),
        (("shown", "--axis", "age_group", "--backbone", "dinn"), "unknown backbone 'dinn'; did you mean din"),
        (("shown", "--axis", "age_group", "--divergence", "j"), "--divergence: unknown divergence 'j'"),
        (("shown", "--axis", "age_group", "--axis", "click_length/3", "--figure", "a.png"), "--figure draws one axis"),
        (("shown", "--axis", "age_group", "--figure", "a.pdf"), "--figure: a figure ends in .png or .svg"),
        (("shown", "--axis", "age_group", "--kernels", "fsued"), "--kernels fsued: no such kernels"),
        (("shown", "--axis", "age_group", "--device", "nope"), "--device nope: no such device"),
        (("shown", "--axis", "activeness"), "shown: activeness is cut at click lengths of test users"),
        (("shown", "--axis", "age_group", "--recipe", "nothing"), "unknown recipe 'nothing'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(ctrbench, place, arguments, message):
    status, _, err = ctrbench("cohorts", *arguments)
    assert status == 1
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
    assert not list(place.glob("results/work/searches/predictions/*"))


def test_a_damaged_file_of_cohorts(ctrbench, place):
    (place / "mine.toml").write_text(RECIPE)
    with pytest.raises(CtrbenchError, match=r"mine\.toml: cohorts: no file .*cohorts\.toml; ctrbench cohorts --output"):
        read_recipe(place / "mine.toml")
    (place / "cohorts.toml").write_text("[[cohorts]]\ndataset = 'shown'\n")
    with pytest.raises(CtrbenchError, match="axis"):
        read_recipe(place / "mine.toml")
    (place / "mine.toml").write_text(RECIPE.replace('["cohorts.toml"]', '"cohorts.toml"'))
    with pytest.raises(CtrbenchError, match="cohorts: want a list of paths"):
        read_recipe(place / "mine.toml")


def test_cohorts_of_other_data_are_refused(ctrbench, place, data_folder):
    file = place / "cohorts.toml"
    assert ctrbench("cohorts", "shown", "--axis", "age_group", *SHORT, "--output", file, "--shuffles", 2)[0] == 0
    (place / "mine.toml").write_text(RECIPE)
    text = file.read_text()
    fingerprint = tomllib.loads(text)["cohorts"][0]["pairs"][0]["found_on"]
    file.write_text(text.replace(fingerprint, "0" * 64))
    with pytest.raises(CtrbenchError, match="shown: the cohorts of axis 'age_group' were found on other data; run: "):
        make_plan(read_recipe(place / "mine.toml"), data=data_folder)
