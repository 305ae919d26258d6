"""Small cards and files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ctrbench.prepare.card import Card
from ctrbench.prepare.stage import Prepared, prepare

CLICKS = """user,item,time,colour,age,place
u,a,10,red,30,home
u,b,20,blue,30,home
u,c,30,red,30,work
u,d,40,,30,home
v,a,11,red,,home
v,b,12,blue,,home
v,e,13,blue,,abroad
w,c,14,red,50,work
x,d,15,,20,home
x,a,16,red,20,home
"""
"""Users of four, three, one and two clicks; item e and place abroad are seen only in test."""

MakeCard = Callable[..., Card]
PrepareText = Callable[..., Prepared]


def table(prepared: Prepared, name: str) -> pd.DataFrame:
    return pq.read_table(prepared.folder / f"{name}.parquet").to_pandas()


@pytest.fixture
def make_card() -> MakeCard:
    def make(**changes: Any) -> Card:
        document = {
            "name": "mine",
            "title": "Mine",
            "format": "table",
            "sources": [{"file": "mine.csv"}],
            "split": {"rule": "leave-last-out"},
        }
        return Card.read(document | changes, "card")

    return make


@pytest.fixture
def prepare_text(tmp_path: Path, make_card: MakeCard) -> PrepareText:
    """Prepares a CSV given as text, with a card of the given keys."""

    def run(text: str = CLICKS, **changes: Any) -> Prepared:
        source = tmp_path / "mine.csv"
        source.write_text(text, "utf-8")
        return prepare(make_card(**changes), tmp_path / "data", source=source)

    return run
