"""Downloads against a server on the loopback address."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import SourceFile
from ctrbench.prepare.download import ATTEMPTS, CHUNK, fetch

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves the server's content with ranges; its ``cuts`` say at which byte each connection breaks."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        if self.path == "/missing":
            self.send_error(404)
            return
        content, start = self.server.content, 0
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if wanted and condition == self.server.tag and self.path != "/no-ranges":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        until = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start:until])

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.tag = '"one"'
        self.asked: list[tuple[str, str | None]] = []
        self.cuts: list[int] = []

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@contextlib.contextmanager
def running() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture
def dead() -> str:
    """An address that nobody listens on."""
    with Server() as closed:
        return closed.url()


Get = Callable[..., Path]


@pytest.fixture
def get(tmp_path: Path) -> Get:
    def run(*addresses: str, sha256: str | None = None) -> Path:
        return fetch(SourceFile(file="raw.gz", addresses=addresses, sha256=sha256), tmp_path)

    return run


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_plain_with_progress(server: Server, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    source = SourceFile(file="raw.gz", addresses=(server.url(),), sha256=SHA256)
    path = fetch(source, tmp_path / "new", lambda *args: told.append(args))
    assert path.read_bytes() == CONTENT
    assert told[-1] == ("raw.gz", len(CONTENT), len(CONTENT))
    assert left(tmp_path / "new") == {"raw.gz"}


def test_what_is_there_is_not_fetched_again(server: Server, get: Get) -> None:
    assert get(server.url()) == get(server.url())
    assert len(server.asked) == 1


def test_a_cut_connection_is_continued_where_it_broke(server: Server, get: Get, tmp_path: Path) -> None:
    server.cuts = [3 * CHUNK, 7 * CHUNK]
    assert get(server.url(), sha256=SHA256).read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={3 * CHUNK}-", f"bytes={7 * CHUNK}-"]
    assert left(tmp_path) == {"raw.gz"}


def test_a_half_file_is_continued_at_the_next_call(server: Server, get: Get) -> None:
    server.cuts = [CHUNK * n for n in range(1, ATTEMPTS + 1)]
    with pytest.raises(CtrbenchError, match=r"raw\.gz: not downloaded \(127.*connection refused or cut\).*--source"):
        get(server.url())
    assert get(server.url(), sha256=SHA256).read_bytes() == CONTENT
    assert server.asked[-1][1] == f"bytes={CHUNK * ATTEMPTS}-"


def test_a_half_file_of_another_version_is_started_over(server: Server, get: Get) -> None:
    server.cuts = [CHUNK] * ATTEMPTS
    with pytest.raises(CtrbenchError):
        get(server.url())
    server.tag, server.content = '"two"', CONTENT[::-1]
    assert get(server.url()).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("path", ["/no-ranges", "/file"])
def test_a_server_without_ranges_or_version_is_read_from_the_start(server: Server, get: Get, path: str) -> None:
    server.tag = "" if path == "/file" else server.tag
    server.cuts = [100_000, 200_000]
    assert get(server.url(path), sha256=SHA256).read_bytes() == CONTENT


def test_a_whole_part_that_was_never_renamed(server: Server, get: Get, tmp_path: Path) -> None:
    server.cuts = [CHUNK] * ATTEMPTS
    with pytest.raises(CtrbenchError):
        get(server.url())
    (part,) = tmp_path.glob(".*.part")
    part.write_bytes(CONTENT)
    assert get(server.url(), sha256=SHA256).read_bytes() == CONTENT


def test_mirrors_are_tried_in_order(server: Server, dead: str, get: Get) -> None:
    assert get(dead, server.url("/missing"), server.url("/good"), server.url("/never")).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/missing", "/good"]


def test_a_wrong_checksum_is_refused_and_leaves_no_file(server: Server, get: Get, tmp_path: Path) -> None:
    with pytest.raises(CtrbenchError, match=f"checksum differs, want {'0' * 64}"):
        get(server.url(), sha256="0" * 64)
    assert left(tmp_path) == set()


def test_a_mirror_with_the_right_checksum_follows_one_with_a_wrong(server: Server, get: Get) -> None:
    with running() as stale:
        stale.content = b"other"
        assert get(stale.url(), server.url(), sha256=SHA256).read_bytes() == CONTENT
        assert len(stale.asked) == 1


def test_all_mirrors_dead(server: Server, dead: str, get: Get) -> None:
    with pytest.raises(CtrbenchError, match=r"refused or cut; 127\.0\.0\.1:\d+: status 404\); get it by hand"):
        get(dead, server.url("/missing"))


def test_a_card_without_addresses(get: Get) -> None:
    with pytest.raises(CtrbenchError, match=r"no address for it.*--source"):
        get()
