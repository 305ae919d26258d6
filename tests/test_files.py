"""Files that are there whole or not at all."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.files import write_file


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(CtrbenchError, match=r"taken: cannot be written .*; pass another --output"):
        write_file(tmp_path / "taken", "text", option="--output")
    (tmp_path / "file").write_text("before")
    with pytest.raises(CtrbenchError, match=r"below: cannot be written \("):
        write_file(tmp_path / "file" / "below", "text", option="--output")
    assert (tmp_path / "file").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_disk_that_fills_up_leaves_the_old_report(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "report.md").write_text("before")
    monkeypatch.setattr("ctrbench.files.Path.replace", full)
    with pytest.raises(CtrbenchError, match=r"report\.md: cannot be written .No space left on device."):
        write_file(tmp_path / "report.md", "text", option="--output")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.md", "before")]
