"""Small synthetic datasets, prepared like any other: 2,000 interactions of 100 users with 60 items.

``small`` has clicks alone, so that negatives are sampled; ``shown`` has impressions; ``orders`` has impressions with
two labels, click and conversion.
"""

import atexit
import functools
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd

from ctrbench.data.prepared import Prepared
from ctrbench.prepare.card import Card
from ctrbench.prepare.stage import prepare

FIELDS = ("user", "item", "brand", "age")
LABELS: dict[str, dict[str, str]] = {
    "small": {},
    "shown": {"click": "label"},
    "orders": {"click": "label", "conversion": "bought"},
}
"""Dataset -> label -> column of the source. Without labels, or for a name not listed, every row is a click."""


def interactions(rows: int = 2000, users: int = 100, items: int = 60) -> pd.DataFrame:
    """Users who click within their half of the items, but for a tenth of their clicks."""
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


def with_orders(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column ``bought``: half of the clicks, by the item."""
    return table.assign(bought=table["label"] * (table["item"] % 2))


def card(name: str) -> Card:
    """A card of the table format for :func:`interactions`, with the name's labels in :data:`LABELS`."""
    labels = LABELS.get(name, {})
    document: dict[str, Any] = {
        "name": name,
        "title": "Small",
        "format": "table",
        "sources": [{"file": f"{name}.csv"}],
        "duplicates": "drop",
        "split": {"rule": "leave-last-out"},
        "fields": [{"name": "brand", "source": "item"}, {"name": "age", "source": "user"}],
        "cohorts": [{"name": "age_group", "source": "user", "column": "age"}],
        "options": {"labels": labels} if labels else {},
    }
    return Card.read(document, name)


def make_dataset(folder: Path, name: str) -> None:
    """Prepares ``<folder>/<name>``."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{name}.csv"
    with_orders(interactions()).to_csv(source, index=False)
    prepare(card(name), folder, source=source)


@functools.cache
def dataset(name: str) -> Prepared:
    """One of :data:`LABELS`, prepared once; its files last as long as the process. Do not write to its tensors."""
    folder = mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_dataset(Path(folder), name)
    return Prepared.read(Path(folder) / name)
