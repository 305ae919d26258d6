"""A small AQCL experiment whose records are made by hand: any figure can be drawn of it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.data.schema import Activeness
from ctrbench.experiments.cell import CATALOGUE, Cell
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.recipe import read_recipe
from ctrbench.experiments.record import REPRESENTATIONS, RunRecord
from ctrbench.experiments.resolve import resolve
from ctrbench.metrics.groups import GroupFigures
from ctrbench.report.figures.picture import find_picture
from ctrbench.training.history import EpochMetrics
from tests.report.conftest import reference_records, run_record

PLAIN = (0.700, 0.704, 0.708)
"""Overall AUC of plain by seed; its differences to another method are that method's own."""
BINS = {"L 0": 0.66, "L 1 to 4": 0.69, "L 5 to 30": 0.75}
"""AUC of plain at seed 0 by click length."""

RECIPE = """
title = "AQCL on two datasets"
paper = "Pan et al., arXiv 2109.13921"
figure = "FIGURE"
datasets = ["amazon-beauty", "ta-feng"]
backbones = ["din"]
methods = ["plain", "aqcl"]
seeds = 3
"""


def epochs(seed: int, method: str) -> tuple[EpochMetrics, ...]:
    """``2 + seed`` epochs; the share of codewords that are alive is 0.5 + 0.1 epoch + 0.01 seed."""
    return tuple(
        EpochMetrics(
            epoch=epoch,
            loss=1.0,
            parts={"alive": 0.5 + 0.1 * epoch + 0.01 * seed, "perplexity": 20.0 + epoch} if method == "aqcl" else {},
            validation={"click": {"auc": 0.7, "logloss": 0.6}},
            seconds=1.0,
            cpu_seconds=1.0,
            rows_per_second=10.0,
        )
        for epoch in range(1, 3 + seed)
    )


def record_of(config, gain: float) -> RunRecord:
    """AUC ``gain`` above plain's, in shorter histories twice as much."""
    made = run_record(PLAIN[config.seed] + gain, method=config.method, seed=config.seed)
    by_length = [
        GroupFigures("click_length", name, 100, 50, auc + (2 if name == "L 0" else 1) * gain, 0.6, 1.0, 1.0, 0)
        for name, auc in BINS.items()
    ]
    facts = made.data.model_copy(update={"mean_click_length": 8.0, "activeness": CUT})
    return made.model_copy(
        update={
            "config": config,
            "identity": config.identity(made.fingerprint),
            "data": facts,
            "epochs": epochs(config.seed, config.method),
            "metrics": (*(group for group in made.metrics if group.column != "click_length"), *by_length),
        }
    )


CUT = Activeness(cutoffs=(4, 12), shares=(0.6, 0.3, 0.1))


def gain_of(cell: Cell, seed: int) -> float:
    """0 for plain; AQCL gains 0.01, 0.02, 0.03 with seeds 0, 1, 2, less in variants whose name is a number."""
    if cell.method == "plain":
        return 0.0
    return 0.01 * (seed + 1) - (0.002 if cell.variant[:1].isdigit() else 0.0)


@pytest.fixture
def make(tmp_path):
    """Files the records of a recipe (its text, without what ``missing`` names) and returns the recipe."""

    def made(figure: str, text: str = "", *, missing=lambda cell, seed: False):
        path = tmp_path / "mine.toml"
        path.write_text(RECIPE.replace("FIGURE", figure) + text, "utf-8")
        recipe, ledger = read_recipe(path), Ledger(tmp_path / "results")
        ledger.require_writable()
        for dataset in recipe.datasets:
            for variant in recipe.variants or ("",):
                for method in recipe.methods:
                    for seed in range(recipe.seeds):
                        cell = Cell(dataset, "din", method, variant)
                        if not missing(cell, seed):
                            config = resolve(recipe, cell, seed, {}, CATALOGUE)
                            file(ledger, record_of(config, gain_of(cell, seed)))
        references(ledger)
        return recipe

    return made


def file(ledger: Ledger, record: RunRecord) -> None:
    if record.config.representations:
        working = ledger.working(record.identity)
        pq.write_table(representations(record.config), working / REPRESENTATIONS)
    ledger.working(record.identity)
    ledger.write(record, pa.table({"probability": [0.5]}))


def representations(config) -> pa.Table:
    """Three far groups of h for AQCL, which are its codewords 5, 9 and 70; one cloud for plain."""
    random = np.random.default_rng(0)
    rows = config.representations
    group = np.arange(rows) % 3
    h = random.normal(size=(rows, 4)).astype(np.float32)
    if config.method == "aqcl":
        h += 20 * np.eye(3, 4, dtype=np.float32)[group]
    codeword = [int((5, 9, 70)[code]) if config.method == "aqcl" else None for code in group]
    return pa.table(
        {
            "row": np.arange(rows) * 7,
            "click_length": np.arange(rows, dtype=np.int32),
            "codeword": pa.array(codeword, pa.int32()),
            "h": pa.FixedSizeListArray.from_arrays(pa.array(h.reshape(-1)), 4),
        }
    )


def references(ledger: Ledger) -> None:
    curve = tuple(int(length) for length in np.r_[np.zeros(20), np.arange(41) // 10, np.arange(5, 35), [40] * 10])
    for dataset in ("amazon-beauty", "ta-feng"):
        ledger.write_references(
            [
                record.model_copy(
                    update={
                        "activeness_curve": curve,
                        "data": record.data.model_copy(update={"activeness": CUT, "mean_click_length": 8.0}),
                    }
                )
                for record in reference_records(dataset)
            ]
        )


@pytest.fixture
def picture(make, tmp_path):
    """The figure of a recipe whose records are filed first; further arguments as of ``make``."""

    def found(figure: str, *arguments, **options):
        return find_picture(make(figure, *arguments, **options), tmp_path / "results", tmp_path / "data")

    return found
