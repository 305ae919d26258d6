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
        "TestSmooth::test_it_trains_two_tasks_with_a_loss_for_each[chain]",
        "TestChain::test_shapes[2]",
        "TestBrier::test_it_declares",
    ):
        assert test in done.stdout


def test_its_parts_are_listed_beside_the_built_in_ones(installed):
    code = (
        "from ctrbench.backbones import BACKBONES; from ctrbench.methods import METHODS; "
        "from ctrbench.metrics import METRICS; print(*BACKBONES.names(), *METHODS.names(), *METRICS.names())"
    )
    names = call(installed, "-c", code).stdout.split()
    assert {"smooth", "chain", "brier", "din", "plain", "auc"} <= set(names)
