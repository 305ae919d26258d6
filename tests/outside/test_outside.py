"""A package from outside: installed, found by its entry points, and put through the contract tests that it inherits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ctrbench

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Its source and the folder that it is installed in; no network is used."""
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return source, target


def call(installed, *command):
    source, target = installed
    path = os.pathsep.join([str(target), str(Path(ctrbench.__file__).parents[1])])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=source, env=environment, capture_output=True, text=True, check=False
    )


def test_it_passes_the_contract_tests_that_it_inherits(installed):
    done = call(installed, "-m", "pytest", "-v", "-W", "error", "-p", "no:cacheprovider", "contracts")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 20
    for test in (
        "TestSmooth::test_it_trains_two_tasks_with_a_loss_for_each[chain-both over all rows]",
        "TestChain::test_shapes[2]",
        "TestBrier::test_it_declares",
    ):
        assert test in done.stdout


def test_its_parts_are_listed_beside_the_built_in_ones(installed):
    parts = {"methods": "label-again", "backbones": "chain", "metrics": "brier", "views": "seed-range"}
    for kind, name in parts.items():
        lines = call(installed, "-m", "ctrbench", "list", kind).stdout.splitlines()
        assert name in [line.split("\t")[0] for line in lines]
        assert len(lines) > 3


def test_its_recipe_runs_and_reports_with_its_own_metric_cut_and_view(installed, data_folder, tmp_path):
    """One file each, and no edit of ctrbench: a method with a head of its own, a metric, a cut of a column, a view."""
    folders = ["--data", str(data_folder), "--results", str(tmp_path / "results")]
    options = ["--dataset", "small", "--backbone", "din", "--seeds", "2", "--jobs", "1"]
    recipe = tmp_path / "mine.toml"
    text = (PACKAGE / "smooth.toml").read_text("utf-8")
    search, views = text.index("[search]"), text.index("[[views]]")
    short = "[training]\nepochs = 1\n\n"
    recipe.write_text(text[:search] + short + text[views:])
    done = call(installed, "-m", "ctrbench", "run", recipe, *options, *folders)
    assert done.returncode == 0, done.stderr
    done = call(installed, "-m", "ctrbench", "report", "--full", *folders)
    assert done.returncode == 0, done.stderr
    for part in ("label-again", "Brier score", "worst", "click_length/4"):
        assert part in done.stdout
    # The archive has the rows of its method once the package is gone; its metric and its view are not shown then.
    gone = (installed[0], tmp_path)
    recipe.write_text(text[:search].replace(', "brier"', "") + short)
    names = ["--dataset", "small", "--backbone", "din", "--method", "label-again"]
    done = call(gone, "-m", "ctrbench", "report", recipe, *names, "--format", "csv", *folders)
    assert done.returncode == 0, done.stderr
    assert ",label-again," in done.stdout
