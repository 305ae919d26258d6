import errno
import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ctrbench.data.schema import read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.formats import Simulation, card_hash
from ctrbench.prepare.stage import prepare
from tests.prepare.conftest import CLICKS, MakeCard, PrepareText


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "mine.csv").write_text(CLICKS)
    return folder


def test_a_second_time_nothing_is_done(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    first = prepare(make_card(), tmp_path, source=source)
    again = prepare(make_card(), tmp_path, source=source)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.manifest == first.manifest == read_manifest(tmp_path / "mine")
    assert prepare(make_card(), tmp_path, source=source, force=True).fresh


def test_another_card_or_another_file_is_prepared_again(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    one = prepare(make_card(), tmp_path, source=source).manifest
    other = prepare(make_card(negatives={"seed": 5}), tmp_path, source=source)
    assert other.fresh
    assert other.manifest.fingerprint != one.fingerprint
    (source / "mine.csv").write_text(CLICKS.replace("v,e,13", "v,e,99"))
    assert prepare(make_card(negatives={"seed": 5}), tmp_path, source=source).fresh


def test_the_same_twice_is_the_same_to_the_byte(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    one, two = (prepare(make_card(), tmp_path / name, source=source).manifest for name in "ab")
    assert one == two


def test_a_disk_that_is_full_leaves_the_old_data(
    tmp_path: Path, make_card: MakeCard, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepare(make_card(), tmp_path / "data", source=source).manifest

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(CtrbenchError, match=r"mine: cannot be written .No space left on device."):
        prepare(make_card(), tmp_path / "data", source=source, force=True)
    assert read_manifest(tmp_path / "data" / "mine") == before
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine"]


def test_a_target_that_cannot_be_written(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        prepare(make_card(), tmp_path / "data", source=source)


def test_counts_decide_where_they_are_stated(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    right = {"users": 4, "items": 5, "interactions": 10}
    assert prepare(make_card(counts=right), tmp_path / "a", source=source).fresh
    card = make_card(counts=right | {"items": 6})
    with pytest.raises(CtrbenchError, match=r"mine: counts differ.*items 6 -> 5"):
        prepare(card, tmp_path / "b", source=source)
    assert prepare(card, tmp_path / "b", source=source, other_version=True).fresh
    with pytest.raises(CtrbenchError, match="counts differ"):
        prepare(card, tmp_path / "b", source=source)


def test_a_stated_checksum_decides(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    sha256 = hashlib.sha256(CLICKS.encode()).hexdigest()
    stated = {"file": "mine.csv", "sha256": "0" * 64}
    with pytest.raises(CtrbenchError, match=rf"mine\.csv differs \(want {'0' * 64}, got {sha256}\)"):
        prepare(make_card(sources=[stated]), tmp_path, source=source)
    assert prepare(
        make_card(sources=[stated | {"alternate_checksums": {"mine": sha256}}]), tmp_path / "a", source=source
    ).fresh
    assert prepare(make_card(sources=[stated]), tmp_path / "b", source=source, other_version=True).fresh


def test_one_source_takes_a_file_of_any_name(tmp_path: Path, make_card: MakeCard) -> None:
    (tmp_path / "other.csv").write_text(CLICKS)
    manifest = prepare(make_card(), tmp_path, source=tmp_path / "other.csv").manifest
    assert manifest.sources == {"mine.csv": hashlib.sha256(CLICKS.encode()).hexdigest()}


def test_missing_files_are_named(tmp_path: Path, make_card: MakeCard, source: Path) -> None:
    two = make_card(sources=[{"file": "mine.csv"}, {"file": "meta.csv"}])
    with pytest.raises(CtrbenchError, match=r"mine: meta\.csv not in .*raw; pass a folder with mine\.csv, meta\.csv"):
        prepare(two, tmp_path, source=source / "mine.csv")
    with pytest.raises(CtrbenchError, match="nowhere does not exist; pass"):
        prepare(make_card(), tmp_path, source=tmp_path / "nowhere")
    with pytest.raises(CtrbenchError, match="/dev/null is neither a file nor a folder"):
        prepare(make_card(), tmp_path, source=Path("/dev/null"))


def test_a_damaged_manifest_is_prepared_over(prepare_text: PrepareText) -> None:
    (prepare_text().folder / "manifest.json").write_text("{")
    assert prepare_text().fresh


def test_data_of_another_schema_version_are_refused_and_prepared_over(prepare_text: PrepareText) -> None:
    path = prepare_text().folder / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 3', '"schema_version": 1'))
    with pytest.raises(CtrbenchError, match=r"schema version 1, this ctrbench reads 3; prepare again: .* prepare mine"):
        read_manifest(path.parent)
    assert prepare_text().fresh
    assert read_manifest(path.parent).schema_version == 3


def test_a_simulation_s_hash_follows_scale_and_seed_but_not_jobs(make_card: MakeCard) -> None:
    simulations = (
        None,
        Simulation(scale=0.1),
        Simulation(scale=0.1, seed=1),
        Simulation(scale=0.2),
        Simulation(scale=0.1, jobs=2),
    )
    hashes = [card_hash(make_card(), simulation) for simulation in simulations]
    assert len(set(hashes)) == 4
    assert hashes[1] == hashes[4]


def test_a_mended_title_is_taken_over_without_preparing_again(
    tmp_path: Path, make_card: MakeCard, source: Path
) -> None:
    first = prepare(make_card(), tmp_path, source=source)
    again = prepare(make_card(title="Mended"), tmp_path, source=source)
    assert not again.fresh
    assert again.manifest == read_manifest(tmp_path / "mine")
    assert again.manifest.title == "Mended"
    assert again.manifest.fingerprint == first.manifest.fingerprint


def test_a_mended_title_that_cannot_be_written_is_said_in_a_line(
    tmp_path: Path, make_card: MakeCard, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(make_card(), tmp_path, source=source)

    def refused(*args: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("ctrbench.prepare.writer.replace_file", refused)
    with pytest.raises(CtrbenchError, match=r"mine: the card's new title cannot be written \(Read-only file system\)"):
        prepare(make_card(title="Mended"), tmp_path, source=source)
