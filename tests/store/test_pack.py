"""Finished jobs go into the archive whatever happens on the way, and two branches that add records merge."""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.store import archive as archive_module
from ctrbench.store import lines as lines_module
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from ctrbench.store.verify import faults
from tests.fakes import prepared, records

ROOT = Path(__file__).parents[2]
PREDICTIONS = pa.table({"row": [7], "click": [0.5]})
H = pa.FixedSizeListArray.from_arrays(pa.array([0.5, 0.25], pa.float32()), 2)
REPRESENTATIONS = pa.table({"row": [7], "h": H})


def finish(store, method="plain", seed=0, *, manifest=None, representations=0, **changes):
    """Writes a finished job to the work folder."""
    job = records.config(method, seed, representations=representations)
    entry = records.entry(job, manifest or prepared.manifest(), **changes)
    store.work.write(entry.record, entry.facts, PREDICTIONS, REPRESENTATIONS if representations else None)
    return entry


def everything(store):
    """Identity -> record and facts, as a new process finds them."""
    found = list(Store(store.archive, store.work).all_entries())
    assert len({entry.record.identity for entry in found}) == len(found)
    return {entry.record.identity: entry for entry in found}


def test_finished_jobs_move_and_predictions_stay(store, manifest):
    entries = [finish(store, method, seed) for method, seed in itertools.product(("plain", "weighted"), range(2))]
    store.write_references(records.facts(manifest), [records.reference(manifest)])
    before = everything(store)
    packed = pack(store)
    assert (packed.records, packed.references) == (4, 1)
    assert packed.files == ("toy/net-plain.jsonl", "toy/net-weighted.jsonl", "toy/references.jsonl")
    assert store.work.identities() == []
    assert everything(store) == before == {entry.record.identity: entry for entry in entries}
    for entry in entries:
        names = ("toy", "net", entry.record.method)
        assert store.finished(entry.record.identity, names)
        assert store.read(entry.record.identity, names) == entry
        assert store.work.read_predictions(entry.record.identity) == PREDICTIONS
    assert store.references("toy") == [records.reference(manifest)]
    assert list(faults(store.archive)) == []
    again = pack(store)
    assert (again.records, again.references, again.files) == (0, 0, ())


def test_representations_go_along(store):
    entry = finish(store, representations=5)
    other = finish(store, seed=1)
    pack(store)
    assert not store.work.representations(entry.record.identity).exists()
    assert store.representations(entry.record) == REPRESENTATIONS
    assert store.representations(other.record) is None
    assert list(faults(store.archive)) == []


def test_a_record_of_the_same_identity_is_replaced(store):
    first = finish(store, auc=0.6, representations=5)
    pack(store)
    second = finish(store, auc=0.7, representations=5)
    assert first.record.identity == second.record.identity
    assert everything(store) == {second.record.identity: second}
    pack(store)
    assert everything(store) == {second.record.identity: second}
    assert len(store.archive.path("toy", "net", "plain").read_text().splitlines()) == 1
    assert list(faults(store.archive)) == []


class Killed(BaseException):
    """Ends a process at once; nothing catches it."""


def kill_at(monkeypatch, step):
    """Kills the process before its ``step``-th change of a file; returns the changes made so far."""
    made = []

    def counted(do):
        def instead(*arguments, **options):
            made.append(do)
            if len(made) > step:
                raise Killed
            return do(*arguments, **options)

        return instead

    replace_file = counted(lines_module.replace_file)
    monkeypatch.setattr(lines_module, "replace_file", replace_file)
    monkeypatch.setattr(archive_module, "replace_file", replace_file)
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    return made


def test_a_kill_at_any_step_loses_nothing(tmp_path, manifest):
    for step in itertools.count():
        store = Store.of(tmp_path / str(step))
        finish(store, "weighted", auc=0.6)
        finish(store, "plain", seed=2, representations=5)
        pack(store)
        finish(store, "weighted", auc=0.7)
        finish(store, "plain", representations=5)
        finish(store, "other", seed=1)
        store.write_references(records.facts(manifest), [records.reference(manifest)])
        before = everything(store)
        represented = {r: store.representations(e.record) for r, e in before.items()}
        with pytest.MonkeyPatch.context() as patch:
            made = kill_at(patch, step)
            try:
                pack(store)
            except Killed:
                finished = False
            else:
                finished = True
        assert everything(store) == before
        for again in range(2):
            after = Store.of(tmp_path / str(step))
            assert {r: after.representations(e.record) for r, e in before.items()} == represented
            assert after.references("toy") == [records.reference(manifest)]
            if not again:
                pack(after)
        assert everything(store) == before
        assert list(faults(store.archive)) == []
        assert store.work.identities() == []
        if finished:
            break
    assert len(made) >= 9


PACK = """
import sys
from pathlib import Path
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
store = Store.of(Path(sys.argv[1]))
for _ in range(15):
    pack(store)
"""


def test_two_packs_at_once(tmp_path, store):
    first = [finish(store, seed=seed) for seed in range(20)]
    command = [sys.executable, "-c", PACK, str(tmp_path / "results")]
    others = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    later = [finish(store, "weighted", seed=seed) for seed in range(20)]
    wanted = {entry.record.identity: entry for entry in (*first, *later)}
    while any(process.poll() is None for process in others):
        assert everything(store) == wanted
        assert all(store.finished(i, ("toy", "net", e.record.method)) for i, e in wanted.items())
    assert [process.communicate()[1] for process in others] == [b"", b""]
    pack(store)
    assert everything(store) == wanted
    assert list(faults(store.archive)) == []
    assert {path.name for path in store.archive.folder.rglob("*") if path.is_file()} == {
        *("data.jsonl", "net-plain.jsonl", "net-weighted.jsonl")
    }


def test_a_damaged_archive_keeps_the_work_folder_as_it_is(store):
    finish(store)
    pack(store)
    path = store.archive.path("toy", "net", "plain")
    path.write_text(path.read_text()[:-30])
    entry = finish(store, seed=1)
    with pytest.raises(CtrbenchError, match=r"net-plain\.jsonl, line 1: not JSON"):
        pack(store)
    assert store.work.identities() == [entry.record.identity]


# Two branches.


@pytest.fixture
def clone(tmp_path):
    """A repository with this package's .gitattributes and one record of each of two methods."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    shutil.copy(ROOT / ".gitattributes", folder)
    (folder / ".gitignore").write_text("/results/work/\n")
    store = Store.of(folder / "results")
    for method in ("plain", "weighted"):
        finish(store, method, seed=5)
    pack(store)
    commit(folder, "begin")
    return folder


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder, message):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


def on_branch(folder, name, do):
    """Commits what ``do(store)`` makes, on a branch of its own that begins at main."""
    git(folder, "checkout", "-q", "-b", name, "main")
    store = Store.of(folder / "results")
    do(store)
    pack(store)
    commit(folder, name)
    return {entry.record.identity: entry.record for entry in store.all_entries()}


def merged(folder):
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-edit", "one")
    git(folder, "merge", "-q", "--no-edit", "other")
    return Store.of(folder / "results")


def test_branches_that_add_records_merge(clone, manifest):
    def one(store):
        for method, seed in (("plain", 0), ("plain", 4), ("plain", 6), ("weighted", 6), ("first", 0)):
            finish(store, method, seed)

    def other(store):
        for method, seed in (("plain", 1), ("plain", 7), ("weighted", 0), ("weighted", 7), ("second", 0)):
            finish(store, method, seed)
        elsewhere = prepared.manifest(items=9)
        finish(store, "plain", 9, manifest=elsewhere)
        store.write_references(records.facts(elsewhere), [records.reference(elsewhere)])

    wanted = on_branch(clone, "one", one) | on_branch(clone, "other", other)
    store = merged(clone)
    # Found before anybody packs, although lines may be out of order.
    assert {entry.record.identity: entry.record for entry in store.all_entries()} == wanted
    pack(store)
    assert list(faults(store.archive)) == []
    assert {entry.record.identity: entry.record for entry in Store.of(clone / "results").all_entries()} == wanted
    assert len(wanted) == 2 + 5 + 6


def test_branches_that_ran_the_same_job_merge(clone):
    """The same numbers at another cost are one record; which of the two does not depend on who merges whom."""

    def ran(seconds):
        def do(store):
            entry = finish(store, "plain", 6)
            cost = entry.record.timings.model_copy(update={"training_seconds": seconds})
            slower = tuple(type(e)(**{**vars(e), "seconds": seconds}) for e in entry.record.epochs)
            record = entry.record.model_copy(update={"timings": cost, "epochs": slower})
            store.work.rewrite(record, entry.facts)

        return do

    texts = []
    for first, second in ((2.5, 3.5), (3.5, 2.5)):
        for name in ("one", "other"):
            subprocess.run(["git", "branch", "-qD", name], cwd=clone, capture_output=True, check=False)
        git(clone, "checkout", "-q", "main")
        git(clone, "reset", "-q", "--hard", git(clone, "rev-list", "--max-parents=0", "HEAD").strip())
        on_branch(clone, "one", ran(first))
        on_branch(clone, "other", ran(second))
        store = merged(clone)
        path = store.archive.path("toy", "net", "plain")
        assert len(path.read_text().splitlines()) == 3
        assert [str(fault) for fault in faults(store.archive)] == [
            f"{path}: 1 line is duplicated; run: ctrbench results pack"
        ]
        assert len(store.entries("toy", "net", "plain")) == 2
        assert pack(store).files == ("toy/net-plain.jsonl",)
        assert list(faults(store.archive)) == []
        texts.append(path.read_text())
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) == 2


def test_branches_with_two_results_of_one_job_are_an_error(clone):
    on_branch(clone, "one", lambda store: finish(store, "plain", 6, auc=0.6))
    on_branch(clone, "other", lambda store: finish(store, "plain", 6, auc=0.7))
    store = merged(clone)
    path = store.archive.path("toy", "net", "plain")
    before = path.read_text()
    message = r"net-plain\.jsonl: two lines of job \w{12} have different results; remove one of them"
    for read in (lambda: pack(store), lambda: store.entries("toy", "net", "plain")):
        with pytest.raises(CtrbenchError, match=message):
            read()
    assert path.read_text() == before
    assert len(list(faults(store.archive))) == 1


def test_branches_that_measured_other_columns_merge(clone, manifest):
    """Facts of the same data with other groups stand in two lines until they are packed, and count both."""

    def measured(column):
        def do(store):
            facts = records.facts(manifest)
            columns = {**facts.groups["click"], column: facts.groups["click"]["activeness"]}
            row = records.reference(manifest)
            row.values["auc"][column] = [0.5, 0.6, 0.7]
            store.write_references(facts.model_copy(update={"groups": {"click": columns}}), [row])

        return do

    on_branch(clone, "one", measured("age"))
    on_branch(clone, "other", measured("brand"))
    store = merged(clone)
    for _ in range(2):
        (facts,) = Store.of(clone / "results").facts("toy")
        assert set(facts.groups["click"]) == {"overall", "activeness", "age", "brand"}
        (row,) = Store.of(clone / "results").references("toy")
        assert row.columns == {"overall", "activeness", "age", "brand"}
        pack(store)
    assert list(faults(store.archive)) == []
    assert len(store.archive.data_path("toy").read_text().splitlines()) == 1
    assert json.loads(store.archive.references_path("toy").read_text())["values"]["auc"]["age"] == [0.5, 0.6, 0.7]
