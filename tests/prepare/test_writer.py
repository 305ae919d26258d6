"""A dataset takes its place whole, or the one before it stays."""

import errno
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.writer import replacing


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A dataset ``beauty`` of one file, alone in its folder."""
    folder = tmp_path / "data" / "beauty"
    folder.mkdir(parents=True)
    (folder / "rows").write_text("old")
    return folder


def abandoned(target: Path, retired: str | None = None) -> Path:
    """What a process killed while it replaced ``target`` leaves; ``retired``: killed between the two renames."""
    folder = target.with_name(f".{target.name}~killed")
    (folder / "new").mkdir(parents=True)
    (folder / "lock").touch()
    if retired:
        (folder / "retired").mkdir()
        (folder / "retired" / "rows").write_text(retired)
    return folder


def replace(target: Path) -> None:
    with replacing(target) as folder:
        (folder / "rows").write_text("new")


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_the_new_folder_takes_the_place_of_the_old(target: Path) -> None:
    with replacing(target) as folder:
        (folder / "rows").write_text("new")
        assert (target / "rows").read_text() == "old"
    assert (target / "rows").read_text() == "new"
    assert names(target) == ["beauty"]
    # Others may read it as they may read any folder made here.
    plain = target.with_name("plain")
    plain.mkdir()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("error", [KeyboardInterrupt, CtrbenchError("no")])
def test_a_block_that_ends_badly_changes_nothing(target: Path, error: BaseException) -> None:
    with pytest.raises((KeyboardInterrupt, CtrbenchError)), replacing(target):
        raise error
    assert (target / "rows").read_text() == "old"
    assert names(target) == ["beauty"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_a_second_rename_that_fails_puts_the_old_data_back(
    target: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    rename = Path.rename

    def broken(path: Path, to: Path) -> Path:
        if path.name == "new":
            assert not target.exists()
            raise error
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises((KeyboardInterrupt, CtrbenchError)):
        replace(target)
    assert (target / "rows").read_text() == "old"
    assert names(target) == ["beauty"]


def test_data_that_cannot_be_put_back_are_kept_for_the_next_time(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def broken(path: Path, to: Path) -> Path:
        if to == target:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", broken)
        with pytest.raises(CtrbenchError, match=r"beauty: cannot be written \(Input/output error\)"):
            replace(target)
    assert not target.exists()
    with replacing(target):
        assert (target / "rows").read_text() == "old"


def test_a_process_killed_between_the_renames_loses_nothing(target: Path) -> None:
    target.rename(target.with_name("elsewhere"))
    abandoned(target, retired="retired")
    with pytest.raises(CtrbenchError), replacing(target):
        raise CtrbenchError("it fails again")
    assert (target / "rows").read_text() == "retired"
    assert names(target) == ["beauty", "elsewhere"]


KILLED = """
import os, sys
from pathlib import Path
from ctrbench.prepare.writer import replacing

rename = Path.rename
Path.rename = lambda path, to: os._exit(9) if path.name == "new" else rename(path, to)
with replacing(Path(sys.argv[1])):
    pass
"""


def test_a_lock_ends_with_its_process(target: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False).returncode == 9
    assert not target.exists()
    with pytest.raises(CtrbenchError), replacing(target):
        raise CtrbenchError("no")
    assert (target / "rows").read_text() == "old"
    assert names(target) == ["beauty"]


@pytest.mark.parametrize("retired", [None, "older"])
def test_what_a_killed_process_left_is_removed(target: Path, retired: str | None) -> None:
    abandoned(target, retired)
    with pytest.raises(CtrbenchError), replacing(target):
        raise CtrbenchError("no")
    assert (target / "rows").read_text() == "old"
    assert names(target) == ["beauty"]


def test_the_folder_of_a_process_at_work_is_let_be(target: Path) -> None:
    working = abandoned(target, retired="retired")
    with FileLock(working / "lock"):
        replace(target)
        assert (working / "retired" / "rows").read_text() == "retired"
        assert (working / "new").is_dir()
    replace(target)
    assert names(target) == ["beauty"]


def test_two_at_work_on_one_dataset_do_not_touch_each_other(target: Path) -> None:
    with replacing(target) as first:
        (first / "rows").write_text("first")
        replace(target)
        assert (first / "rows").read_text() == "first"
    assert (target / "rows").read_text() == "first"
    assert names(target) == ["beauty"]


def test_a_dataset_whose_name_begins_alike_is_another(target: Path) -> None:
    other = abandoned(target.with_name("beauty-hashed"), retired="hashed")
    target.rename(target.with_name("elsewhere"))
    with pytest.raises(CtrbenchError), replacing(target):
        raise CtrbenchError("no")
    assert not target.exists()
    assert (other / "retired" / "rows").read_text() == "hashed"
