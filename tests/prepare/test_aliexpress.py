"""AliExpress, on files like the real ones."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import csv_batches
from ctrbench.prepare.aliexpress import CATEGORICAL, NUMERICAL
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.stage import prepare
from ctrbench.testing.runs import start
from ctrbench.training.fit import fit
from tests.prepare.conftest import table
from tests.prepare.logs import write_aliexpress

COLUMNS = ("item", *CATEGORICAL, *NUMERICAL)
DATA = DataSettings(
    fields=COLUMNS,
    tasks=("click", "conversion"),
    derived={"ctcvr": ("click", "conversion")},
    history_length=0,
    minimum_history=0,
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aliexpress")
    write_aliexpress(folder, 6000)
    return folder


@pytest.fixture(scope="module")
def done(raw, tmp_path_factory):
    return prepare(shipped_card("aliexpress-nl"), tmp_path_factory.mktemp("data"), source=raw)


def damaged(raw, folder, change, name="train.csv"):
    """A folder with a changed copy of one file."""
    folder.mkdir(exist_ok=True)
    for file in ("train.csv", "test.csv"):
        content = (raw / file).read_bytes()
        (folder / file).write_bytes(change(content) if file == name else content)
    return folder


def test_the_official_files_are_the_split_and_no_search_is_divided(raw, done):
    rows, train = table(done, "rows"), pd.read_csv(raw / "train.csv")
    counts = {name: part.rows for name, part in done.manifest.splits.items()}
    assert (counts["train"] + counts["validation"], counts["test"]) == (4200, 1800)
    assert counts["validation"] == pytest.approx(420, abs=20)
    assert done.manifest.search_holdout.rows == pytest.approx(378, abs=20)
    assert rows["split"].is_monotonic_increasing
    assert rows[rows["split"] == Split.TRAIN]["search_holdout"].is_monotonic_increasing
    first = counts["train"]
    assert train["search_id"][first] != train["search_id"][first - 1]
    use = rows["split"] * 2 + rows["search_holdout"]
    assert use.groupby(rows["user"]).nunique().max() == 1
    assert rows["click"].tolist()[:4200] == train["click"].tolist()
    assert "the last 10% of the training file, no page divided" in done.manifest.split_rule


def test_a_search_is_the_user_and_there_are_no_items_and_no_histories(raw, done):
    manifest, rows = done.manifest, table(done, "rows")
    searches = pd.concat([pd.read_csv(raw / name)["search_id"] for name in ("train.csv", "test.csv")])
    assert (manifest.users, manifest.items, manifest.interactions) == (searches.nunique(), 0, 6000)
    assert manifest.mean_click_length == 0
    assert (rows[["item", "start", "length", "time"]] == 0).all().all()
    assert (rows["user"] == searches.rank(method="dense").to_numpy()).all()
    assert table(done, "items")["popularity"].tolist() == [0]


def test_buckets_and_vocabularies_come_from_training_rows_alone(raw, done):
    rows, train = table(done, "rows"), pd.read_csv(raw / "train.csv")
    size = done.manifest.splits["train"].rows
    numbers = train["numerical_1"][:size].astype(np.float32)
    edges = np.unique(np.quantile(numbers, np.arange(1, 50) / 50, method="inverted_cdf"))
    assert done.manifest.field("numerical_1").size == len(edges) + 2
    expected = np.searchsorted(edges, train["numerical_1"].astype(np.float32)) + 1
    assert rows["numerical_1"].tolist()[:4200] == expected.tolist()
    counts = train["categorical_2"][:size].value_counts()
    kept = sorted(counts[counts >= 10].index)
    assert done.manifest.field("categorical_2").size == len(kept) + 1
    ids = {value: place for place, value in enumerate(kept, 1)}
    assert rows["categorical_2"].tolist()[:4200] == [ids.get(value, 0) for value in train["categorical_2"]]


def test_small_batches_and_crlf_give_the_same_bytes(raw, done, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_batches, "BLOCK", 1 << 16)
    source = damaged(raw, tmp_path / "raw", lambda content: content.replace(b"\n", b"\r\n"))
    again = prepare(shipped_card("aliexpress-nl"), tmp_path / "data", source=source)
    assert again.manifest.contents == done.manifest.contents
    assert again.manifest.fingerprint == done.manifest.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(b"numerical_63", b"number", 1), "train.csv, line 1: no column 'numerical_63'"),
        (lambda text: text[:-2], "train.csv, line 4201, column 'conversion': the value is missing"),
        (lambda text: text[:-40], "train.csv, line 4201: 7. values for 82 columns .is the line cut off."),
        (lambda text: text[:-2] + b"2\n", "train.csv, line 4201, column 'conversion': the label is neither 0 nor 1"),
        (
            lambda text: text.replace(b"\n0,", b"\n-5,", 1),
            "train.csv, line 2, column 'search_id': the value is negative",
        ),
        (lambda text: text.replace(b"\n0,", b"\nx,", 1), "train.csv, line 2, column 'search_id': 'x' is not a whole"),
        (lambda text: text.split(b"\n", 1)[0] + b"\n", "train.csv: the file has no rows"),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_is_left(raw, tmp_path, change, message):
    source = damaged(raw, tmp_path / "raw", change)
    with pytest.raises(CtrbenchError, match=message):
        prepare(shipped_card("aliexpress-nl"), tmp_path / "data", source=source)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_bad_number_in_the_test_file_is_named_after_training_was_read(raw, tmp_path):
    def spoil(content):
        lines = content.split(b"\n")
        lines[100] = b",".join([*lines[100].split(b",")[:20], b"0.5.1", *lines[100].split(b",")[21:]])
        return b"\n".join(lines)

    source = damaged(raw, tmp_path / "raw", spoil, "test.csv")
    with pytest.raises(CtrbenchError, match=r"test.csv, line 101, column 'numerical_4': '0.5.1' is not a number"):
        prepare(shipped_card("aliexpress-nl"), tmp_path / "data", source=source)
    assert list((tmp_path / "data").iterdir()) == []


def test_too_few_rows_are_refused(tmp_path):
    write_aliexpress(tmp_path / "raw", 10)
    with pytest.raises(CtrbenchError, match=r"aliexpress-nl: .*(too few|both values)"):
        prepare(shipped_card("aliexpress-nl"), tmp_path / "data", source=tmp_path / "raw")


def test_a_card_cannot_ask_for_another_split_or_fields(raw, tmp_path):
    card = shipped_card("aliexpress-nl@split.validation_share=0.2")
    assert prepare(card, tmp_path, source=raw).manifest.splits["validation"].rows == pytest.approx(840, abs=20)
    other = card.model_copy(update={"split": card.split.model_copy(update={"rule": "last-day"})})
    with pytest.raises(CtrbenchError, match=r'format aliexpress has its own test file; set split.rule = "official"'):
        prepare(other, tmp_path / "other", source=raw)
    with pytest.raises(CtrbenchError, match=r"options: buckets.*greater than or equal to 2"):
        prepare(shipped_card("aliexpress-nl@options.buckets=1"), tmp_path / "other", source=raw)


@pytest.mark.parametrize("country", ["nl", "fr", "us", "es"])
def test_the_countries_share_a_card(country):
    card = shipped_card(f"aliexpress-{country}")
    assert (card.name, card.options, card.split) == (
        f"aliexpress-{country}",
        shipped_card("aliexpress-nl").options,
        shipped_card("aliexpress-nl").split,
    )


@pytest.mark.parametrize("backbone", ["deepfm", "din", "wide-deep", "shared-bottom"])
def test_a_model_of_two_tasks_trains(done, backbone):
    prepared = Prepared.read(done.folder)
    (epoch,) = fit(start(backbone, "plain", prepared, DATA, epochs=1))
    assert set(epoch.validation) == {"click", "conversion", "ctcvr"}
    assert all(np.isfinite(value) for task in epoch.validation.values() for value in task.values())
    assert len(Feed(prepared, DATA, search_holdout=True).split(Split.VALIDATION)) == done.manifest.search_holdout.rows


@pytest.mark.skipif("CTRBENCH_RAW" not in os.environ, reason="CTRBENCH_RAW names no folder of raw data")
def test_the_real_samples_pass_through_the_loader(tmp_path):
    source = Path(os.environ["CTRBENCH_RAW"]) / "aliexpress"
    for name in ("train", "test"):
        rows = pd.read_csv(source / f"aliexpress_{name}_sample.csv", dtype=str)
        # The sample has its clicks first, so that its end alone is no validation; every search keeps its rows.
        mixed = rows.assign(place=rows["search_id"].astype(int) % 7).sort_values(["place", "search_id"], kind="stable")
        mixed.drop(columns="place").to_csv(tmp_path / f"{name}.csv", index=False)
    done = prepare(shipped_card("aliexpress-nl@split.validation_share=0.3"), tmp_path / "data", source=tmp_path)
    assert done.manifest.interactions == 120
    assert done.manifest.splits["test"].model_dump() == {"rows": 20, "positives": 10}
    assert done.manifest.field("numerical_58").size == 3  # a constant: unknown, the value, above it
