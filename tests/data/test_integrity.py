from pathlib import Path

import pytest

from ctrbench.data.integrity import check_two_classes, verify_files
from ctrbench.data.schema import read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card
from ctrbench.prepare.stage import prepare


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.csv").write_text("user,item,time\nu,a,1\nu,b,2\nu,d,3\nv,c,3\n")
    document = {"name": "mine", "title": "Mine", "format": "table", "split": {"rule": "leave-last-out"}}
    card = Card.read(document | {"sources": [{"file": "mine.csv"}]}, "card")
    return prepare(card, tmp_path, source=tmp_path / "mine.csv").folder


def test_untouched_data_pass(folder: Path) -> None:
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert len(manifest.files) == 4


@pytest.mark.parametrize("name", ["rows.parquet", "sequence.parquet", "items.parquet", "users.parquet"])
def test_a_changed_or_missing_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        CtrbenchError, match=rf"{name}: changed \(want .*ctrbench prepare mine --source FILE --card CARD --force"
    ):
        verify_files(folder, read_manifest(folder))
    path.unlink()
    with pytest.raises(CtrbenchError, match=rf"{name}: missing; prepare again"):
        verify_files(folder, read_manifest(folder))


def test_a_changed_manifest_is_named(folder: Path) -> None:
    changed = read_manifest(folder).model_copy(update={"mean_click_length": 9.0})
    with pytest.raises(CtrbenchError, match="manifest was changed"):
        verify_files(folder, changed)


def test_the_way_out_of_a_shipped_dataset_needs_no_card(folder: Path) -> None:
    shipped = read_manifest(folder).model_copy(update={"name": "amazon-beauty"})
    with pytest.raises(CtrbenchError, match=r"prepare again: ctrbench prepare amazon-beauty --force$"):
        verify_files(folder, shipped)


@pytest.mark.parametrize(("name", "more"), [("mine", " --source FILE --card CARD"), ("amazon-beauty", "")])
def test_the_way_out_of_a_manifest_that_cannot_be_read(tmp_path: Path, name: str, more: str) -> None:
    folder = tmp_path / name
    with pytest.raises(CtrbenchError, match=rf"not prepared; run: ctrbench prepare {name}{more}$"):
        read_manifest(folder)
    folder.mkdir()
    for damaged in ("{", '{"schema_version": 0}'):
        (folder / "manifest.json").write_text(damaged)
        with pytest.raises(CtrbenchError, match=rf"prepare again: ctrbench prepare {name}{more} --force$"):
            read_manifest(folder)


@pytest.mark.parametrize(
    ("rows", "positives", "found"),
    [(0, 0, "there are no rows"), (5, 0, "all 5 have the value 0"), (5, 5, "have the value 1")],
)
def test_rows_of_one_class_are_named(rows: int, positives: int, found: str) -> None:
    message = rf"^mine: rows of the search holdout with both values of label 'buy' are needed, but .*{found}; choose"
    with pytest.raises(CtrbenchError, match=message):
        check_two_classes("mine", "buy", "rows of the search holdout", rows=rows, positives=positives)


def test_rows_of_two_classes_pass() -> None:
    check_two_classes("mine", "click", "validation rows", rows=2, positives=1)
