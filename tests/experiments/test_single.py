"""One real run: what it reads, what it refuses, what it says of itself."""

import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import execute_run, resolve_device
from ctrbench.training.settings import TrainingSettings


def run(data_folder, tmp_path, *, working=None, dataset="small", **changes):
    config = RunConfig(
        dataset=dataset, backbone="din", method="plain", seed=0, training=TrainingSettings(epochs=1), **changes
    )
    identity = config.identity(read_manifest(data_folder / dataset).fingerprint)
    folder = tmp_path / (working or identity)
    folder.mkdir()
    return execute_run(config, data=data_folder, working=folder, device="cpu", on_epoch=lambda *_: None)


@pytest.fixture
def read(monkeypatch):
    """The splits that are asked for, and all the rows of which something is read."""
    splits, rows = [], set()
    split, batches = Feed.split, Feed.batches

    def noted(feed, examples, size, **options):
        rows.update(examples.rows.tolist())
        return batches(feed, examples, size, **options)

    monkeypatch.setattr(Feed, "split", lambda feed, part: splits.append(part) or split(feed, part))
    monkeypatch.setattr(Feed, "batches", noted)
    return splits, rows


def test_a_run_is_measured_on_test(data_folder, tmp_path, read, small):
    record, predictions = run(data_folder, tmp_path, measure="test")
    assert read[0][-1] == Split.TEST
    assert predictions["row"].to_pylist() == small.indices(Split.TEST).tolist()
    assert record.metrics[0].rows == len(predictions) == record.data.splits["test"].rows
    columns = list(dict.fromkeys(figures.column for figures in record.metrics))
    assert columns == ["overall", "activeness", "click_length", "age_group"]
    for column in columns[1:]:
        assert sum(figures.rows for figures in record.metrics if figures.column == column) == len(predictions)


@pytest.mark.parametrize("name", ["small", "shown"])
def test_a_trial_is_measured_on_rows_set_aside_and_reads_training_rows_alone(data_folder, tmp_path, read, name):
    record, predictions = run(data_folder, tmp_path, dataset=name, measure="tuning")
    splits, rows = read
    assert set(splits) == {Split.VALIDATION}
    prepared = Prepared.read(data_folder / name)
    assert rows <= set(prepared.indices(Split.TRAIN).tolist())
    aside = torch.nonzero(prepared.rows["search_holdout"] == 1).squeeze(1).tolist()
    assert sorted(set(predictions["row"].to_pylist())) == aside
    repeated = 2 if name == "small" else 1
    assert record.metrics[0].rows == len(predictions) == repeated * prepared.manifest.search_holdout.rows
    assert [figures.column for figures in record.metrics] == ["overall"]
    assert record.metrics[0].auc == pytest.approx(record.epochs[0].validation["click"]["auc"])


def test_a_run_of_other_data_than_planned_is_refused_before_it_trains(data_folder, tmp_path):
    with pytest.raises(CtrbenchError, match="small: the prepared data changed; run the same command again"):
        run(data_folder, tmp_path, working="planned-on-other-data")
    assert not list(tmp_path.glob("*/checkpoint*"))


def test_a_record_names_the_machine_and_the_code(data_folder, tmp_path):
    record, _ = run(data_folder, tmp_path)
    assert record.environment.threads == 1
    assert record.environment.device == "cpu"
    assert set(record.environment.versions) == {"python", "ctrbench", "torch", "numpy"}
    commit = record.environment.git_commit
    assert commit is None or len(commit.removesuffix("-dirty")) == 40


def test_an_absent_cuda_is_said_so(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(CtrbenchError, match="torch sees no CUDA device"):
        resolve_device("cuda")
    assert resolve_device("auto").type == "cpu"


def test_a_device_of_another_name_is_refused():
    with pytest.raises(CtrbenchError, match="--device tpu: no such device; use cpu, cuda or auto"):
        resolve_device("tpu")
