"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.files import read_text, read_toml, replace_file, write_file, write_toml


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


def test_links_stay_and_what_is_no_file_is_written_into(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    replace_file(tmp_path / "link", "ä")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_bytes() == "ä".encode()
    replace_file(Path("/dev/null"), b"content")
    assert Path("/dev/null").is_char_device()


def test_a_file_in_a_new_folder_may_be_read_by_others(tmp_path):
    replace_file(tmp_path / "a" / "b" / "file", b"\x00\xff")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"\x00\xff"
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o644


def test_a_name_that_no_file_can_have_is_one_line(tmp_path):
    with pytest.raises(CtrbenchError, match=r"cannot be written \(File name too long\); pass another --output"):
        write_file(tmp_path / ("n" * 300), "text", option="--output")


def test_toml_is_written_whole_and_read_back(tmp_path):
    document = {"title": "ä", "numbers": [0.1, 1], "table": {"a b": True}}
    write_toml(tmp_path / "x.toml", document, "a comment", option="--results")
    assert (tmp_path / "x.toml").read_text("utf-8").startswith("# a comment\n")
    assert read_toml(tmp_path / "x.toml") == document


def test_toml_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert read_toml(tmp_path / "x.toml") == {"a": 1}


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", b"a = ", b"\x00", b"a = 1\na = 2", b"a = " + b"[" * 5000, None])
def test_what_is_not_toml_is_one_line(tmp_path, content):
    if content is None:
        (tmp_path / "x.toml").mkdir()
    else:
        (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(CtrbenchError, match=r"x\.toml: cannot be read as TOML \(") as error:
        read_toml(tmp_path / "x.toml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff", None])
def test_what_is_no_text_is_one_line(tmp_path, content):
    if content:
        (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(CtrbenchError, match=r"x\.txt: cannot be read \(") as error:
        read_text(tmp_path / "x.txt")
    assert "\n" not in str(error.value)
