import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.ledger import Failure, Ledger, Progress
from tests.experiments import fakes

PREDICTIONS = pa.table({"probability": [0.5]})


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "results")


@pytest.fixture
def record(place):
    from ctrbench.experiments.plan import make_plan

    plan = make_plan(fakes.recipe(), data=place / "data", catalogue=fakes.catalogue())
    return fakes.record(plan.runs[0].config, plan.manifests["toy"])


def test_a_written_run_reads_back_and_its_work_is_cleared(ledger, record):
    ledger.write_progress(record.identity, Progress(epoch=1, at_most=2, seconds_per_epoch=1, updated=0))
    ledger.mark_failed(Failure(identity=record.identity, config=record.config, cause="x", traceback=""))
    assert not ledger.finished(record.identity)
    ledger.write(record, PREDICTIONS)
    assert ledger.finished(record.identity)
    assert ledger.read(record.identity) == record
    assert pq.read_table(ledger.results / "runs" / record.identity / "predictions.parquet") == PREDICTIONS
    assert ledger.identities() == [record.identity]
    assert ledger.progress(record.identity) is None
    assert ledger.failure(record.identity) is None
    assert list((ledger.results / "working").iterdir()) == []


def test_a_run_is_not_finished_while_its_files_are_written(ledger, record, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(CtrbenchError, match="No space left on device"):
        ledger.write(record, PREDICTIONS)
    assert not ledger.finished(record.identity)
    assert ledger.identities() == []
    monkeypatch.undo()
    ledger.write(record, PREDICTIONS)
    assert ledger.finished(record.identity)


def test_a_claim_excludes_others_and_ends_with_its_block(ledger):
    with ledger.claim("a") as first, ledger.claim("a") as second, ledger.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    with ledger.claim("a") as again:
        assert again


def test_discard_forgets_a_run_unless_somebody_works_on_it(ledger, record):
    ledger.write(record, PREDICTIONS)
    with ledger.claim(record.identity):
        ledger.discard(record.identity)
    assert ledger.finished(record.identity)
    ledger.discard(record.identity)
    assert not ledger.finished(record.identity)


@pytest.mark.parametrize("text", ["{", '{"identity": 3}', "[]"])
def test_a_damaged_record_is_named(ledger, record, text):
    ledger.write(record, PREDICTIONS)
    path = ledger.results / "runs" / record.identity / "record.json"
    path.write_text(text)
    with pytest.raises(CtrbenchError, match=str(path)):
        ledger.read(record.identity)
    with pytest.raises(CtrbenchError, match=str(path)):
        ledger.fingerprints("toy")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda document: document["metrics"][0].update(auc=7.7), "metrics.0.auc: input should be less than or equal"),
        (lambda document: document["metrics"][0].update(rows=-1), "metrics.0.rows: input should be greater than"),
        (lambda document: document.update(metrics=[]), "no metrics of all rows"),
        (lambda document: document["config"].update(seed=9), "its settings or data are not those of run"),
        (lambda document: document.update(fingerprint="0" * 64), "its settings or data are not those of run"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(ledger, record, change, cause):
    ledger.write(record, PREDICTIONS)
    path = ledger.results / "runs" / record.identity / "record.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(CtrbenchError, match=cause):
        ledger.read(record.identity)


def test_a_record_in_the_place_of_another_is_refused(ledger, record):
    ledger.write(record, PREDICTIONS)
    runs = ledger.results / "runs"
    (runs / record.identity).rename(runs / ("0" * 64))
    with pytest.raises(CtrbenchError, match="not those of run 000000000000; remove"):
        ledger.read("0" * 64)


def test_damaged_progress_is_no_progress(ledger):
    (ledger.working("a") / "progress.json").write_text("{")
    assert ledger.progress("a") is None


def test_a_results_folder_that_cannot_be_written(tmp_path, ledger):
    (tmp_path / "results").write_text("a file stands where the folder should be")
    with pytest.raises(CtrbenchError, match=r"results: cannot be written.*pass --results FOLDER"):
        ledger.require_writable()
    with pytest.raises(CtrbenchError, match="cannot be written"), ledger.claim("a"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_results_folder(ledger):
    ledger.results.mkdir(mode=0o500)
    with pytest.raises(CtrbenchError, match="Permission denied"):
        ledger.require_writable()


def test_references_read_back(place, ledger):
    found = fakes.references("toy", "click", data=place / "data")
    assert ledger.references("toy", found[0].fingerprint, "click") == []
    ledger.write_references(found)
    assert ledger.references("toy", found[0].fingerprint, "click") == found
    assert ledger.references("toy", found[0].fingerprint, "conversion") == []
    (path,) = (ledger.results / "references").iterdir()
    path.write_text("{}")
    with pytest.raises(CtrbenchError, match=str(path)):
        ledger.references("toy", found[0].fingerprint, "click")
