"""Ali-CCP, on files like the official ones and on the common preprocessing."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import csv_batches
from ctrbench.prepare.ali_ccp import IDS, VALUED
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.stage import prepare
from ctrbench.testing.runs import start
from ctrbench.training.fit import fit
from tests.prepare.conftest import table
from tests.prepare.logs import feature, line, write_ali_ccp

DATA = DataSettings(
    fields=("user", "item", *IDS, *(f"D{name}" for name in VALUED)),
    tasks=("click", "conversion"),
    derived={"ctcvr": ("click", "conversion")},
    history_length=0,
    minimum_history=0,
)
SKELETON, COMMON = "sample_skeleton_train.csv", "common_features_train.csv"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ali-ccp")
    write_ali_ccp(folder, 20_000)
    return folder


@pytest.fixture(scope="module")
def done(raw, tmp_path_factory):
    return prepare(shipped_card("ali-ccp"), tmp_path_factory.mktemp("data"), source=raw)


def small(folder, *, skeleton, common, rows=40):
    """Official files of ``rows`` impressions a split; the first ones and their common features are given."""
    folder.mkdir(exist_ok=True)
    shared = line("k", features=[feature("101", 5), feature("121", 2), feature("109_14", 8, 0.25)])
    rest = [line(n, n % 2, 0, "k", features=[feature("205", n % 3)]) for n in range(rows - len(skeleton))]
    for split in ("train", "test"):
        (folder / f"common_features_{split}.csv").write_text(shared + "".join(common))
        (folder / f"sample_skeleton_{split}.csv").write_text("".join([*skeleton, *rest]))
    return folder


def copied(raw, folder, name, change):
    shutil.copytree(raw, folder)
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    return folder


def test_impressions_are_joined_with_their_common_features(tmp_path):
    card = shipped_card("ali-ccp@options.minimum_rows=1")
    own = line(900, 1, 1, "other", features=[feature("205", 77), feature("853", 4, 0.5), feature("121", 3)])
    common = line("other", features=[feature("101", 6), feature("121", 9), feature("109_14", 1, 0.1)])
    done = prepare(card, tmp_path / "data", source=small(tmp_path / "raw", skeleton=[own], common=[common]))
    rows = table(done, "rows")
    assert (done.manifest.users, done.manifest.items) == (2, 4)
    assert rows.iloc[0][["user", "item", "click", "conversion"]].tolist() == [2, 4, 1, 1]
    # The impression's own feature comes before the common one; what neither has is unknown.
    assert rows.iloc[0][["121", "853", "109_14", "122"]].tolist() == [2, 1, 1, 0]
    assert rows.iloc[1][["user", "121", "853", "109_14", "D853"]].tolist() == [1, 1, 0, 2, 0]
    assert rows["D109_14"].iloc[:2].tolist() == [1, 2]


def test_a_conversion_without_a_click_is_left_out_and_counted(tmp_path):
    bad = [line(900 + n, 0, 1, "k", features=[feature("205", 1)]) for n in range(3)]
    done = prepare(shipped_card("ali-ccp"), tmp_path / "data", source=small(tmp_path / "raw", skeleton=bad, common=[]))
    assert (done.manifest.interactions, len(table(done, "rows"))) == (80, 74)
    assert done.manifest.split_rule.endswith("; 6 rows with a conversion and no click left out")


def test_rare_items_are_unknown_and_users_are_not(raw, done):
    rows = table(done, "rows")
    training = rows[rows["split"] == 0]
    counts = training["item"].value_counts()
    assert counts[counts.index > 0].min() >= 10
    assert (rows["user"] > 0).all()
    assert done.manifest.items == counts.index.max()
    clicks = training[(training["click"] == 1) & (training["item"] > 0)]["item"]
    assert (
        table(done, "items")["popularity"].tolist() == np.bincount(clicks, minlength=done.manifest.items + 1).tolist()
    )


def test_small_batches_give_the_same_bytes(raw, done, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_batches, "BLOCK", 1 << 15)
    assert prepare(shipped_card("ali-ccp"), tmp_path, source=raw).manifest.contents == done.manifest.contents


def test_crlf_makes_no_difference(raw, done, tmp_path):
    for path in raw.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    again = prepare(shipped_card("ali-ccp"), tmp_path / "data", source=tmp_path)
    assert again.manifest.contents == done.manifest.contents


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (SKELETON, lambda text: text[:-5], "line 10000, column 'feature_list': "),
        (SKELETON, lambda text: text[: -len(text.splitlines()[-1]) + 5], "line 10000: 2 values for 6 columns"),
        (
            SKELETON,
            lambda text: b"x" + text.replace(b",0,0,", b",y,0,", 1),
            "line 1, column 'click': 'y' is not a whole",
        ),
        (
            SKELETON,
            lambda text: text.replace(b"205\x02", b"205\x02z", 1),
            "line 1, column 'feature_list': a feature is not",
        ),
        (
            SKELETON,
            lambda text: text + line(1, 0, 0, "nobody", features=[feature("205", 1)]).encode(),
            "line 10001, column 'common_feature_key': the key has no line in common_features_train.csv",
        ),
        (COMMON, lambda text: text[: text.rindex(b"\x03")], "line 173, column 'feature_list': a feature is not"),
        (
            COMMON,
            lambda text: text + text.splitlines(keepends=True)[3],
            "line 174, column 'common_feature_key': the key",
        ),
        (COMMON, lambda text: b"", "cannot be read as CSV .Empty CSV file."),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_is_left(raw, tmp_path, name, change, message):
    source = copied(raw, tmp_path / "raw", name, change)
    with pytest.raises(CtrbenchError, match=name.replace(".", r"\.") + f"(, |: ){message}"):
        prepare(shipped_card("ali-ccp"), tmp_path / "data", source=source)
    assert list((tmp_path / "data").iterdir()) == []


def test_missing_files_are_named_with_both_forms(tmp_path):
    (tmp_path / SKELETON).write_text("")
    with pytest.raises(CtrbenchError, match=r"common_features_train.csv.* not in .* or ali_ccp_train.csv, ali_ccp_val"):
        prepare(shipped_card("ali-ccp"), tmp_path / "data", source=tmp_path)


def preprocessed(folder, rows=60):
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for split in ("train", "val", "test"):
        ids = pd.DataFrame(random.integers(0, 3, (rows, len(IDS) + 2)), columns=["101", "205", *IDS])
        values = pd.DataFrame(random.random((rows, len(VALUED))).round(4), columns=[f"D{name}" for name in VALUED])
        labels = pd.DataFrame({"click": np.arange(rows) % 2, "purchase": np.arange(rows) % 4 == 1}).astype(int)
        pd.concat([labels, ids, values], axis=1).to_csv(folder / f"ali_ccp_{split}.csv", index=False)
    return folder


def test_the_common_preprocessing_has_the_same_columns_and_its_own_validation(tmp_path, done):
    manifest = prepare(shipped_card("ali-ccp"), tmp_path / "data", source=preprocessed(tmp_path / "raw")).manifest
    assert {name: part.rows for name, part in manifest.splits.items()} == {"train": 60, "validation": 60, "test": 60}
    assert manifest.search_holdout.rows == 6
    assert [field.name for field in manifest.fields] == [field.name for field in done.manifest.fields]
    assert manifest.split_rule == "official: test is the test file, validation the validation file"
    assert set(manifest.sources) == {f"ali_ccp_{split}.csv" for split in ("train", "val", "test")}


def test_a_column_that_the_preprocessing_lacks_is_named(tmp_path):
    source = preprocessed(tmp_path / "raw")
    pd.read_csv(source / "ali_ccp_val.csv").drop(columns="D853").to_csv(source / "ali_ccp_val.csv", index=False)
    with pytest.raises(CtrbenchError, match=r"ali_ccp_val\.csv, line 1: no column 'D853'"):
        prepare(shipped_card("ali-ccp"), tmp_path / "data", source=source)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_model_of_two_tasks_trains(tmp_path):
    done = prepare(shipped_card("ali-ccp"), tmp_path / "data", source=preprocessed(tmp_path / "raw", 400))
    (epoch,) = fit(start("deepfm", "plain", Prepared.read(done.folder), DATA, epochs=1))
    assert set(epoch.validation) == {"click", "conversion", "ctcvr"}


@pytest.mark.skipif("CTRBENCH_RAW" not in os.environ, reason="CTRBENCH_RAW names no folder of raw data")
def test_the_real_samples_are_prepared(tmp_path):
    for split in ("train", "val", "test"):
        sample = Path(os.environ["CTRBENCH_RAW"]) / "ali-ccp" / f"ali_ccp_{split}_sample.csv"
        shutil.copy(sample, tmp_path / f"ali_ccp_{split}.csv")
    manifest = prepare(shipped_card("ali-ccp"), tmp_path / "data", source=tmp_path).manifest
    assert {name: (part.rows, part.positives) for name, part in manifest.splits.items()} == {
        "train": (100, 7),
        "validation": (50, 3),
        "test": (50, 2),
    }
