"""Archive and work folder as one."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.store.pack import pack
from ctrbench.store.store import Entry, Store
from tests.fakes import prepared, records
from tests.store.test_pack import finish

PLAIN = ("toy", "net", "plain")


def test_finished_jobs_are_found_in_both_places(store):
    packed = finish(store)
    pack(store)
    unpacked = finish(store, seed=1)
    for entry in (packed, unpacked):
        assert store.finished(entry.record.identity, PLAIN)
        assert store.read(entry.record.identity, PLAIN) == entry
    assert sorted(e.record.seed for e in store.entries(*PLAIN)) == [0, 1]
    assert store.entries("toy", "net", "weighted") == []
    assert len(list(store.all_entries())) == 2
    assert not store.finished("0" * 64, PLAIN)
    with pytest.raises(CtrbenchError, match="toy net plain: no record of job 000000000000"):
        store.read("0" * 64, PLAIN)


def test_a_store_sees_what_another_process_does(store):
    """A driver and a report keep what they read; neither may miss what changes meanwhile."""
    other = Store(store.archive, store.work)
    assert store.entries(*PLAIN) == other.entries(*PLAIN) == []
    entry = finish(store)
    assert other.entries(*PLAIN) == [entry]
    pack(store)
    assert other.finished(entry.record.identity, PLAIN)
    assert other.entries(*PLAIN) == [entry]
    better = Entry(records.record(entry.record.config, prepared.manifest(), auc=0.99), entry.facts)
    store.rewrite([better])
    assert other.entries(*PLAIN) == [better]
    store.discard(entry.record.identity, PLAIN)
    assert not other.finished(entry.record.identity, PLAIN)
    assert other.entries(*PLAIN) == []


def test_discard_forgets_a_job_unless_somebody_works_on_it(store):
    entry = finish(store)
    identity = entry.record.identity
    with store.work.claim(identity):
        store.discard(identity, PLAIN)
    assert store.finished(identity, PLAIN)
    store.discard(identity, PLAIN)
    assert not store.finished(identity, PLAIN)


def test_discard_forgets_a_packed_job_and_its_representations(store):
    gone, kept = finish(store, representations=4), finish(store, seed=1, representations=4)
    pack(store)
    store.discard(gone.record.identity, PLAIN)
    assert store.entries(*PLAIN) == [kept]
    assert store.representations(gone.record) is None
    assert store.representations(kept.record) is not None
    assert store.work.read_predictions(gone.record.identity) is None


def test_rewriting_leaves_a_record_where_it_lies(store):
    packed = finish(store)
    pack(store)
    unpacked = finish(store, seed=1)
    better = [Entry(records.record(e.record.config, prepared.manifest(), auc=0.9), e.facts) for e in (packed, unpacked)]
    store.rewrite(better)
    assert store.work.identities() == [unpacked.record.identity]
    assert sorted(store.entries(*PLAIN), key=lambda e: e.record.seed) == better


def test_facts_of_both_places_are_one(store, manifest):
    store.write_references(records.facts(manifest, ["conversion"]), [records.reference(manifest)])
    pack(store)
    finish(store)
    store.write_references(records.facts(manifest, ["ctcvr"]), [])
    (facts,) = store.facts("toy")
    assert set(facts.groups) == {"click", "conversion", "ctcvr"}
    store.write_references(records.facts(prepared.manifest(items=9)), [])
    assert len(store.facts("toy")) == 2
    assert store.facts("other") == []


def test_a_reference_row_that_was_measured_again_stands_once(store, manifest):
    row = records.reference(manifest)
    store.write_references(records.facts(manifest), [row])
    pack(store)
    wider = row.model_copy(update={"values": {"auc": {"overall": [0.5], "age": [0.4, 0.6]}}})
    store.write_references(records.facts(manifest), [wider])
    for _ in range(2):
        (found,) = store.references("toy")
        assert found.columns == {"overall", "activeness", "age"}
        pack(store)


def test_facts_that_the_archive_lacks_are_named(store):
    finish(store)
    pack(store)
    store.archive.data_path("toy").unlink()
    with pytest.raises(
        CtrbenchError, match=r"toy/data\.jsonl: no facts of data \w{12}, which job \w{12} was measured on"
    ):
        store.entries(*PLAIN)


def test_trials_of_searches_lie_apart(tmp_path):
    table, searches = Store.of(tmp_path), Store.of_searches(tmp_path)
    finish(searches)
    assert table.entries(*PLAIN) == []
    assert pack(table).records == 0
    assert len(searches.entries(*PLAIN)) == 1
