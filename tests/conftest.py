"""Small prepared datasets that many tests share; no test writes into them."""

import sys
from pathlib import Path

import pytest
import torch

from ctrbench.cli import main
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.testing.data import LABELS, dataset, make_dataset
from ctrbench.testing.runs import DATA


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with every dataset of :mod:`ctrbench.testing.data`."""
    folder = tmp_path_factory.mktemp("data")
    for name in LABELS:
        make_dataset(folder, name)
    return folder


@pytest.fixture(scope="session")
def small() -> Prepared:
    return dataset("small")


@pytest.fixture(scope="session")
def shown() -> Prepared:
    return dataset("shown")


@pytest.fixture(scope="session")
def orders() -> Prepared:
    """Two labels, click and conversion."""
    return dataset("orders")


@pytest.fixture
def feed(small: Prepared) -> Feed:
    """Batches of ``small`` with an item field and a user field, rows without a history included."""
    return Feed(small, DATA)


@pytest.fixture
def ctrbench(monkeypatch, capsys):
    """Runs a command line; returns exit status, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ctrbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return call
