"""Jobs under way, and finished ones that are not packed."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.store.work import Failure, Progress
from tests.fakes import records

PREDICTIONS = pa.table({"row": [7], "click": [0.5]})
REPRESENTATIONS = pa.table({"row": [7], "h": pa.array([[0.5, 0.25]], pa.list_(pa.float32(), 2))})


@pytest.fixture
def work(store):
    return store.work


@pytest.fixture
def entry(manifest):
    return records.entry(records.config("weighted", settings={"method": {"weight": 0.3}}), manifest)


@pytest.fixture
def identity(entry):
    return entry.record.identity


def write(work, entry, representations=None):
    work.write(entry.record, entry.facts, PREDICTIONS, representations)


def progress(epoch):
    return Progress(epoch=epoch, at_most=2, seconds_per_epoch=1, updated=0)


def test_a_written_job_reads_back_and_its_work_is_cleared(work, entry, identity):
    work.write_progress(identity, progress(1))
    work.write_checkpoint(identity, b"state")
    work.mark_failed(Failure(identity=identity, config=entry.record.config, cause="x", traceback=""))
    assert work.failure(identity).config == entry.record.config
    assert (work.progress(identity), work.checkpoint(identity)) == (progress(1), b"state")
    assert not work.has(identity)
    write(work, entry, REPRESENTATIONS)
    assert work.has(identity)
    assert work.read(identity) == (entry.record, entry.facts)
    assert work.read_predictions(identity) == PREDICTIONS
    assert work.read_representations(identity) == REPRESENTATIONS
    assert work.identities() == [identity]
    assert (work.progress(identity), work.checkpoint(identity), work.failure(identity)) == (None, None, None)
    assert list((work.folder / "jobs").iterdir()) == []


def test_a_job_without_representations_files_none(work, entry, identity):
    write(work, entry)
    assert work.read_representations(identity) is None
    assert not work.representations(identity).exists()


@pytest.mark.parametrize("failing", ["predictions", "representations", "record"])
def test_a_job_is_not_finished_while_its_files_are_written(work, entry, identity, monkeypatch, failing):
    from ctrbench.store import work as module

    places = {"predictions": work.predictions, "representations": work.representations, "record": work.finished}
    replace_file = module.replace_file

    def full(path, content):
        if path == places[failing](identity):
            raise OSError(28, "No space left on device")
        replace_file(path, content)

    monkeypatch.setattr(module, "replace_file", full)
    with pytest.raises(CtrbenchError, match=r"No space left on device.*pass --results FOLDER"):
        write(work, entry, REPRESENTATIONS)
    assert not work.has(identity)
    assert work.identities() == []
    monkeypatch.undo()
    write(work, entry, REPRESENTATIONS)
    assert work.read(identity) == (entry.record, entry.facts)


def test_a_claim_excludes_others_and_ends_with_its_block(work):
    with work.claim("a") as first, work.claim("a") as second, work.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    with work.claim("a") as again:
        assert again


def test_discard_forgets_everything_of_a_job(work, entry, identity):
    write(work, entry, REPRESENTATIONS)
    work.write_checkpoint(identity, b"state")
    work.mark_failed(Failure(identity=identity, config=entry.record.config, cause="x", traceback=""))
    work.discard(identity)
    left = [path for path in work.folder.rglob("*") if path.is_file()]
    assert left == []
    work.discard(identity)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"identity": 3}',
        "[]",
        "",
        '{"record": {}, "facts": {}}',
        '{"record": [], "facts": {}}',
        '"x"',
        "[" * 10**5,
    ],
)
def test_a_damaged_record_is_named(work, entry, identity, text):
    write(work, entry)
    work.finished(identity).write_text(text)
    with pytest.raises(CtrbenchError) as error:
        work.read(identity)
    assert str(work.finished(identity)) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_record_that_is_not_text(work, entry, identity):
    write(work, entry)
    work.finished(identity).write_bytes(b"\xff\xfe{")
    with pytest.raises(CtrbenchError, match=r"cannot be read .* remove it to repeat the job"):
        work.read(identity)


def values(document):
    return document["record"]["tasks"]["click"]["values"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda document: values(document)["auc"].update(overall=[7.7]), "a value of auc is out of bounds"),
        (lambda document: values(document)["auc"].update(activeness=[0.5, -0.1, 0.5]), "a value of auc is out of"),
        (lambda document: values(document)["ne"].update(overall=[-1]), "a value of ne is out of bounds"),
        (lambda document: values(document)["ne"].update(overall=[float("inf")]), "a value of ne is out of bounds"),
        (lambda document: values(document)["auc"].pop("overall"), "no auc of all rows"),
        (lambda document: values(document)["auc"].update(overall=[]), "no auc of all rows"),
        (lambda document: document["record"].update(tasks={}), "tasks: dictionary should have at least 1 item"),
        (lambda document: document["record"].update(best_epoch=9), "best epoch 9 of 4"),
        (lambda document: document["record"]["epochs"].update(loss=[1.0]), "not a record"),
        (lambda document: document["record"]["epochs"].update(loss=[]), "epochs: tuple should have at least 1 item"),
        (lambda document: document["record"]["epochs"].update(loss=["x"] * 4), r"epochs.0.*loss"),
        (lambda document: document["record"].pop("epochs"), "not a record"),
        (lambda document: document["record"].update(seed=9), "settings or data do not match job"),
        (lambda document: document["record"].update(fingerprint="0" * 64), "settings or data do not match job"),
        (lambda document: document["record"].update(algorithm_version=1), "settings or data do not match job"),
        (lambda document: document["record"]["settings"]["method"].update(weight=float("nan")), "do not match job"),
        (lambda document: document["record"].update(dataset="../x"), "is not fit to be the name of a dataset"),
        (lambda document: document["record"].update(extra=1), "unknown key 'extra'"),
        (lambda document: document["facts"].pop("title"), "title: field required"),
        (
            lambda document: document["facts"]["groups"]["click"]["overall"].update(rows=[1, 2]),
            "names, rows and positives differ in number",
        ),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(work, entry, identity, change, cause):
    write(work, entry)
    path = work.finished(identity)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(CtrbenchError, match=cause) as error:
        work.read(identity)
    assert "\n" not in str(error.value)


def test_a_record_in_the_place_of_another_is_refused(work, entry, identity):
    write(work, entry)
    work.finished(identity).rename(work.finished("0" * 64))
    with pytest.raises(CtrbenchError, match=f"0{{64}}.json: holds job {identity[:12]} instead; remove the file"):
        work.read("0" * 64)


@pytest.mark.parametrize("text", ["{", "[]", '{"epoch": "x"}', ""])
def test_damaged_progress_is_no_progress(work, text):
    work.write_progress("a", progress(1))
    (work.folder / "jobs" / "a" / "progress.json").write_text(text)
    assert work.progress("a") is None


def test_damaged_tables_are_named(work, entry, identity):
    write(work, entry, REPRESENTATIONS)
    for path, read in (
        (work.predictions(identity), work.read_predictions),
        (work.representations(identity), work.read_representations),
    ):
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(CtrbenchError, match=f"{path.name}: cannot be read .* ctrbench run --force") as error:
            read(identity)
        assert "\n" not in str(error.value)
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(work.predictions(identity))


def test_a_results_folder_that_cannot_be_written(tmp_path, work, store, entry):
    (tmp_path / "results").write_text("a file stands where the folder should be")
    with pytest.raises(CtrbenchError, match=r"results.*: cannot be written.*pass --results FOLDER"):
        work.require_writable()
    with pytest.raises(CtrbenchError, match="cannot be written"), work.claim("a"):
        pass
    with pytest.raises(CtrbenchError, match=r"cannot be written.*pass --results FOLDER"):
        store.write_references(entry.facts, [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_results_folder(tmp_path, work):
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(CtrbenchError, match="Permission denied"):
        work.require_writable()
