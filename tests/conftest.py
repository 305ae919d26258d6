"""Small prepared datasets that many tests share; no test writes into them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.prepare.card import Card
from ctrbench.prepare.stage import prepare

FIELDS = ("user", "item", "brand", "age")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def interactions(rows: int = 2000, users: int = 100, items: int = 60) -> pd.DataFrame:
    """Users who click within their own half of the items, at a tenth of their clicks outside it."""
    random = np.random.default_rng(0)
    user = np.sort(random.integers(0, users, rows))
    half = user % 2 ^ (random.random(rows) < 0.1)
    item = half * (items // 2) + random.integers(0, items // 2, rows)
    return pd.DataFrame(
        {
            "user": user,
            "item": item,
            "time": np.arange(rows) * 3600,
            "brand": item % 7,
            "age": user % 5,
            "label": (random.random(rows) < 0.4).astype(int),
        }
    )


def card(name: str, *, impressions: bool = False) -> Card:
    """A card of the table format for :func:`interactions`."""
    document = {
        "name": name,
        "title": "Small",
        "format": "table",
        "sources": [{"file": f"{name}.csv"}],
        "duplicates": "drop",
        "split": {"rule": "leave-last-out"},
        "fields": [{"name": "brand", "source": "item"}, {"name": "age", "source": "user"}],
        "cohorts": [{"name": "age_group", "source": "user", "column": "age"}],
        "options": {"labels": {"click": "label"}} if impressions else {},
    }
    return Card.read(document, name)


def make_dataset(data: Path, name: str, *, impressions: bool = False) -> None:
    """Prepares ``<data>/<name>``."""
    data.mkdir(parents=True, exist_ok=True)
    source = data / f"{name}.csv"
    interactions().to_csv(source, index=False)
    prepare(card(name, impressions=impressions), data, source=source)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with ``small`` (sampled negatives) and ``shown`` (impressions)."""
    folder = tmp_path_factory.mktemp("data")
    make_dataset(folder, "small")
    make_dataset(folder, "shown", impressions=True)
    return folder


@pytest.fixture(scope="session")
def small(data_folder: Path) -> Prepared:
    return Prepared.read(data_folder / "small")


@pytest.fixture(scope="session")
def shown(data_folder: Path) -> Prepared:
    return Prepared.read(data_folder / "shown")


@pytest.fixture
def feed(small: Prepared) -> Feed:
    """Batches of ``small`` with an item field and a user field, rows without a history included."""
    return Feed(small, DataSettings(fields=FIELDS, minimum_history=0, history_length=12))
