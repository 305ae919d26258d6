"""One real job: what it reads, what it refuses, what it hands over and what it says of itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.execution.handover import Assignment
from ctrbench.execution.order import Order
from ctrbench.execution.run import RunJob, resolve_device
from ctrbench.planning.plan import make_job
from ctrbench.planning.registries import REGISTRIES
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.identity import JobConfig
from ctrbench.store.lines import parse_record, plain
from ctrbench.testing.runs import TWO_TASKS
from ctrbench.training.ensemble import model_seeds
from ctrbench.training.history import ALL

DEFAULTS = REGISTRIES.defaults()


def assigned(data_folder, dataset="small", *, backbone="din", checkpoint=None, columns=(), settings=None, **changes):
    """The assignment of a job of plain, of two epochs."""
    settings = {"training": {"epochs": 2}, **(settings or {})}
    given = {"method": "plain", "seed": 0, "settings": settings} | changes
    config = JobConfig(dataset=dataset, backbone=backbone, **given)
    row = RowKey(dataset, backbone, "plain")
    job = make_job(config, row, read_manifest(data_folder / dataset), REGISTRIES, DEFAULTS)
    return Assignment(job.identity, dataset, Order(job, DEFAULTS, columns), checkpoint)


def finish(data_folder, assignment, kernels="reference"):
    """The handovers of a job, and its output."""
    steps, handovers = RunJob("cpu", kernels)(assignment, data_folder), []
    while True:
        try:
            handovers.append(next(steps))
        except StopIteration as end:
            return handovers, end.value


def output_of(data_folder, *arguments, **options):
    return finish(data_folder, assigned(data_folder, *arguments, **options))[1]


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


def test_a_job_is_measured_on_test(data_folder, read, small):
    output = output_of(data_folder)
    record, facts, predictions = output.record, output.facts, output.predictions
    assert read[0][-1] == Split.TEST
    assert predictions.column_names == ["row", "click"]
    assert predictions["row"].to_pylist() == small.indices(Split.TEST).tolist()
    (overall,) = record.groups(facts, "click", "overall")
    assert overall.rows == len(predictions) == facts.splits["test"].rows
    assert list(facts.groups["click"]) == ["overall", "activeness", "click_length", "age_group"]
    for column in facts.groups["click"]:
        assert sum(group.rows for group in record.groups(facts, "click", column)) == len(predictions)
    assert record.own_identity() == record.identity
    assert output.representations is None


def test_columns_that_views_ask_for_are_measured_too(data_folder):
    output = output_of(data_folder, columns=("click_length/3", "age_group*activeness"))
    assert list(output.facts.groups["click"])[-2:] == ["click_length/3", "age_group*activeness"]
    for column in ("click_length/3", "age_group*activeness"):
        groups = output.record.groups(output.facts, "click", column)
        assert sum(group.rows for group in groups) == len(output.predictions)


@pytest.mark.parametrize("name", ["small", "shown"])
def test_a_trial_is_measured_on_the_search_holdout_and_reads_training_rows_alone(data_folder, read, name):
    output = output_of(data_folder, name, judged_on="search_holdout")
    record, predictions = output.record, output.predictions
    splits, rows = read
    assert set(splits) == {Split.VALIDATION}
    prepared = Prepared.read(data_folder / name)
    assert rows <= set(prepared.indices(Split.TRAIN).tolist())
    held_out = torch.nonzero(prepared.rows["search_holdout"] == 1).squeeze(1).tolist()
    assert sorted(set(predictions["row"].to_pylist())) == held_out
    repeated = 2 if name == "small" else 1
    assert len(predictions) == repeated * prepared.manifest.search_holdout.rows
    assert {tuple(columns) for columns in record.tasks["click"].values.values()} == {("overall",)}
    assert record.overall("auc") == pytest.approx(record.epochs[record.best_epoch - 1].validation["click"]["auc"])


def test_every_task_is_predicted_and_measured_where_it_is_defined(data_folder, orders):
    settings = {"data": TWO_TASKS.model_dump(mode="json", exclude_defaults=True)}
    output = output_of(data_folder, "orders", backbone="shared-bottom", settings=settings)
    record, facts, predictions = output.record, output.facts, output.predictions
    assert predictions.column_names == ["row", "click", "conversion"]
    assert list(record.tasks) == ["click", "conversion", "ctcvr"]
    definitions = {task: metrics.definition for task, metrics in record.tasks.items()}
    assert definitions["conversion"] == "conversion given click"
    clicks = int(orders.rows["click"][orders.indices(Split.TEST)].sum())
    rows = {task: record.groups(facts, task, "overall")[0].rows for task in record.tasks}
    assert rows == {"click": len(predictions), "conversion": clicks, "ctcvr": len(predictions)}
    positives = {task: record.groups(facts, task, "overall")[0].positives for task in record.tasks}
    assert positives["conversion"] == positives["ctcvr"] < positives["click"] == clicks


def test_a_job_hands_over_before_its_first_epoch_and_after_each_and_resumes_with_the_same_bits(data_folder):
    handovers, whole = finish(data_folder, assigned(data_folder))
    assert [(len(each.epochs), each.at_most) for each in handovers] == [(0, 2), (1, 2), (2, 2)]
    assert handovers[0].checkpoint is None
    resumed, output = finish(data_folder, assigned(data_folder, checkpoint=handovers[1].checkpoint))
    assert [len(each.epochs) for each in resumed] == [1, 2]
    assert output.predictions.equals(whole.predictions)
    assert output.record.tasks == whole.record.tasks
    assert [epoch.loss for epoch in output.record.epochs] == [epoch.loss for epoch in whole.record.epochs]


def test_a_job_of_several_models_predicts_their_mean_and_records_each(data_folder):
    several, rest = {"training": {"epochs": 2, "models": 2}}, {"training": {"epochs": 2}}
    handovers, output = finish(data_folder, assigned(data_folder, settings=several))
    assert [(len(each.epochs), each.at_most) for each in handovers] == [(looks, 4) for looks in range(5)]
    record, (_, one) = output.record, finish(data_folder, assigned(data_folder, settings=rest))
    (second,) = record.further_models
    losses = [epoch.loss for epoch in record.epochs]
    assert losses == [epoch.loss for epoch in one.record.epochs]
    assert losses != [epoch.loss for epoch in second.epochs]
    assert record.looks == 4
    assert record.weights == 2 * one.record.weights
    looks = (*record.epochs, *second.epochs)
    assert record.timings.training_seconds == pytest.approx(sum(look.seconds for look in looks))
    other_seed = model_seeds(0, 2)[1]
    _, other = finish(data_folder, assigned(data_folder, settings=rest, seed=other_seed))
    mean = (one.predictions["click"].to_numpy() + other.predictions["click"].to_numpy()) / 2
    np.testing.assert_allclose(output.predictions["click"].to_numpy(), mean, rtol=1e-12)
    assert parse_record(plain(record), "a line") == record
    # It goes on within either model.
    for place in (1, 2, 3):
        resumed, again = finish(
            data_folder, assigned(data_folder, settings=several, checkpoint=handovers[place].checkpoint)
        )
        assert [len(each.epochs) for each in resumed] == list(range(place, 5))
        assert again.predictions.equals(output.predictions)


def test_fused_kernels_are_recorded_and_resume_with_the_same_bits(data_folder):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    handovers, whole = finish(data_folder, assigned(data_folder), "fused")
    environment = whole.record.environment
    assert environment.kernels == "fused"
    assert environment.versions["numba"]
    resumed, output = finish(data_folder, assigned(data_folder, checkpoint=handovers[1].checkpoint), "fused")
    assert [len(each.epochs) for each in resumed] == [1, 2]
    assert output.predictions.equals(whole.predictions)
    assert output.record.tasks == whole.record.tasks
    _, reference = finish(data_folder, assigned(data_folder))
    assert reference.record.identity == whole.record.identity
    assert not reference.predictions.equals(whole.predictions)
    np.testing.assert_allclose(reference.predictions["click"], whole.predictions["click"], rtol=0, atol=1e-5)


def test_a_job_resumed_with_other_kernels_starts_over(data_folder):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    handovers, _ = finish(data_folder, assigned(data_folder))
    resumed, _ = finish(data_folder, assigned(data_folder, checkpoint=handovers[1].checkpoint), "fused")
    assert [len(each.epochs) for each in resumed] == [0, 1, 2]


def test_a_record_names_the_kernels_that_were_used(data_folder):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    used = {}
    for kernels in ("auto", "reference"):
        _, output = finish(data_folder, assigned(data_folder), kernels)
        used[kernels] = output.record.environment.kernels
    assert used == {"auto": "fused", "reference": "reference"}


def test_a_damaged_checkpoint_is_refused_with_the_way_out(data_folder):
    assignment = assigned(data_folder, checkpoint=b"damaged")
    way_out = rf"remove work/jobs/{assignment.identity} in the results folder to begin the job anew"
    with pytest.raises(CtrbenchError, match=rf"the job's checkpoint is not a checkpoint of ctrbench \(.*\); {way_out}"):
        next(RunJob("cpu")(assignment, data_folder))


def test_a_record_keeps_how_attention_was_distributed_at_each_look(data_folder):
    record = output_of(data_folder, backbone="dhen", attention_rows=7).record
    assert record.attention_rows == 7
    layers = ["layers.0.fm.attention", "layers.1.fm.attention"]
    assert [list(look.attention) for look in record.epochs] == [[*layers, ALL]] * len(record.epochs)
    document = json.loads(json.dumps(plain(record)))
    assert parse_record(document, "test") == record
    unseen = output_of(data_folder, backbone="dhen").record
    assert unseen.identity != record.identity
    assert "attention" not in plain(unseen)["epochs"]
    assert "attention_rows" not in plain(unseen)


def test_representations_come_with_the_output(data_folder):
    output = output_of(data_folder, representations=7)
    assert len(output.representations) == 7
    assert output.record.representations == 7


def test_a_job_on_other_data_than_planned_is_refused_before_it_trains(data_folder):
    assignment = assigned(data_folder)
    order = assignment.config
    planned = replace(assignment, config=replace(order, job=replace(order.job, identity="of-other-data")))
    with pytest.raises(CtrbenchError, match="small: the prepared data changed; run the same command again"):
        next(RunJob("cpu")(planned, data_folder))


def test_a_record_names_the_machine_and_the_code_and_its_cost(data_folder):
    record = output_of(data_folder).record
    assert record.environment.threads == 1
    assert record.environment.device == "cpu"
    assert set(record.environment.versions) == {"python", "ctrbench", "torch", "numpy"}
    commit = record.environment.git_commit
    assert commit is None or len(commit.removesuffix("-dirty")) == 40
    assert record.timings.training_seconds == sum(epoch.seconds for epoch in record.epochs)
    speeds, weights = zip(*((epoch.rows_per_second, epoch.cpu_seconds) for epoch in record.epochs), strict=True)
    assert record.timings.rows_per_second == pytest.approx(np.average(speeds, weights=weights))
    assert 50 < record.timings.peak_memory_mb < 50_000


@pytest.mark.parametrize(("platform", "unit"), [("linux", 2**10), ("darwin", 1)])
def test_peak_memory_is_in_megabytes_on_linux_and_on_macos(monkeypatch, platform, unit):
    import resource

    from ctrbench.execution import run

    class Usage:
        ru_maxrss = 300 * 2**20 // unit

    monkeypatch.setattr(resource, "getrusage", lambda _: Usage)
    monkeypatch.setattr(run.sys, "platform", platform)
    assert run._peak_memory_mb() == 300


def test_a_system_that_does_not_say_its_peak_memory(monkeypatch):
    from ctrbench.execution import run

    monkeypatch.setitem(run.sys.modules, "resource", None)
    assert run._peak_memory_mb() is None


def test_an_absent_cuda_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(CtrbenchError, match="torch sees no CUDA device"):
        resolve_device("cuda")
    assert resolve_device("auto").type == "cpu"


def test_a_device_of_another_name_is_refused():
    with pytest.raises(CtrbenchError, match="--device tpu: no such device; use cpu, cuda or auto"):
        resolve_device("tpu")
