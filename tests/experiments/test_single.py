"""One real run: what it reads, what it refuses, what it says of itself."""

import pytest

from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import execute_run, resolve_device
from ctrbench.training.settings import TrainingSettings


def run(data_folder, tmp_path, *, working=None, **changes):
    config = RunConfig(
        dataset="small", backbone="din", method="plain", seed=0, training=TrainingSettings(epochs=1), **changes
    )
    identity = config.identity(read_manifest(data_folder / "small").fingerprint)
    folder = tmp_path / (working or identity)
    folder.mkdir()
    return execute_run(config, data=data_folder, working=folder, device="cpu", on_epoch=lambda *_: None)


@pytest.mark.parametrize("measure", ["validation", "test"])
def test_the_measured_split_is_read_and_no_other_beyond_it(data_folder, tmp_path, monkeypatch, measure):
    read = []
    original = Feed.split
    monkeypatch.setattr(Feed, "split", lambda self, split: read.append(split) or original(self, split))
    record, predictions = run(data_folder, tmp_path, measure=measure)
    assert (Split.TEST in read) == (measure == "test")
    assert record.metrics[0].rows == len(predictions) == record.data.splits[measure].rows


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
