"""What of a plan is done, what is left, and what is stale."""

import pyarrow as pa
import pytest

from ctrbench.planning.plan import make_plan
from ctrbench.planning.status import stale_line, status
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from ctrbench.store.work import Failure
from tests.fakes import prepared, records
from tests.fakes.recipes import recipe
from tests.fakes.registries import registries


@pytest.fixture
def store(tmp_path):
    return Store.of(tmp_path / "results")


def plan(tmp_path, manifest=None, **changes):
    prepared.prepare(tmp_path / "data", **(manifest or {}))
    methods = ("plain", "weighted", "seeing", "picky")
    return make_plan(recipe(**changes), data=tmp_path / "data", registries=registries(methods))


def finish(store, found, job):
    entry = records.entry(job.config, found.manifests[job.config.dataset])
    store.work.write(entry.record, entry.facts, pa.table({"row": [0]}), None)


def test_done_left_failed_and_refused(tmp_path, store):
    found = plan(tmp_path, backbones=["net", "deep"], methods=["plain", "picky"], seeds=2)
    done, failed = found.jobs[0], found.jobs[1]
    finish(store, found, done)
    store.work.mark_failed(Failure(identity=failed.identity, config=failed.config, cause="diverged", traceback=""))
    for _ in range(2):
        standing = status(found, store)
        assert standing.done == [done]
        assert standing.left == list(found.jobs[1:])
        assert standing.failed == [(failed, "diverged")]
        assert [str(row) for row in standing.refused] == ["toy deep picky"]
        assert standing.stale == 0
        pack(store)


def test_jobs_on_other_training_data_are_stale_and_on_other_cohorts_they_are_not(tmp_path, store):
    found = plan(tmp_path)
    for job in found.jobs:
        finish(store, found, job)
    standing = status(plan(tmp_path, {"cohorts": (prepared.AGES,), "title": "Mended"}), store)
    assert (len(standing.done), standing.left, standing.stale) == (4, [], 0)
    standing = status(plan(tmp_path, {"items": 9}), store)
    assert (standing.done, len(standing.left), standing.stale) == ([], 4, 4)
    standing = status(plan(tmp_path, {"items": 9}, seeds=1), store)
    assert (len(standing.left), standing.stale) == (2, 2)
    standing = status(plan(tmp_path, {"items": 9}, training={"epochs": 3}), store)
    assert (len(standing.left), standing.stale) == (4, 0)


def test_a_method_that_reads_a_cohort_depends_on_it(tmp_path):
    def identities(codes):
        manifest = prepared.manifest(cohorts=(prepared.AGES,))
        contents = {**manifest.contents, "users.parquet": {"age_group": codes * 64}}
        changes = {"cohorts": (prepared.AGES,), "contents": contents}
        jobs = plan(tmp_path, changes, methods=["plain", "seeing"], seeds=1).jobs
        return {job.config.method: job.identity for job in jobs}

    before, after = identities("0"), identities("1")
    assert before["plain"] == after["plain"]
    assert before["seeing"] != after["seeing"]


def test_the_sentence_on_stale_jobs():
    assert stale_line(1).startswith("1 finished job is stale: made with other data")
    assert stale_line(2).startswith("2 finished jobs are stale: made with other data")
