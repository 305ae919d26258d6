"""The h of test rows beside a record: which rows, whose weights, and what a method says of them."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.record import REPRESENTATIONS
from ctrbench.experiments.representations import representations
from ctrbench.experiments.single import build, execute_run

from ctrbench.data.schema import Split, read_manifest
from ctrbench.training.settings import TrainingSettings


def components(feed, method):
    return build(RunConfig(dataset="small", backbone="din", method=method, seed=0), feed)


@pytest.mark.parametrize(("count", "places"), [(3, [0, 99, 199]), (1, [0]), (10_000, range(200))])
def test_rows_are_evenly_spread_over_the_test_split(feed, count, places):
    feed.unlock(Split.TEST)
    examples = feed.split(Split.TEST)
    assert len(examples) == 200
    found = representations(*components(feed, "plain"), feed, count)
    assert found["row"].to_pylist() == examples.rows[list(places)].tolist()
    lengths = feed.prepared.rows["length"][examples.rows[list(places)]]
    assert found["click_length"].to_pylist() == lengths.tolist()


def test_h_is_what_the_prediction_is_made_of_and_codewords_are_the_methods_own(feed):
    feed.unlock(Split.TEST)
    backbone, method = components(feed, "aqcl")
    found = representations(backbone, method, feed, 20)
    h = torch.tensor(np.stack(found["h"].to_numpy()))
    assert h.shape == (20, backbone.representation_size)
    assert found["codeword"].to_pylist() == method.codewords_of(h).tolist()
    backbone.eval()
    (batch,) = feed.batches(feed.split(Split.TEST), 1000)
    torch.testing.assert_close(backbone.interact(backbone.embed(batch))[[0, 199]], h[[0, 19]])


def test_a_method_without_a_codebook_has_no_codewords(feed):
    feed.unlock(Split.TEST)
    found = representations(*components(feed, "icl"), feed, 5)
    assert found["codeword"].null_count == 5


def finished(data_folder, tmp_path, method, count):
    config = RunConfig(
        dataset="small",
        backbone="din",
        method=method,
        seed=0,
        training=TrainingSettings(epochs=1),
        representations=count,
    )
    ledger = Ledger(tmp_path)
    ledger.require_writable()
    working = ledger.working(config.identity(read_manifest(data_folder / "small").fingerprint))
    record, predictions = execute_run(config, data=data_folder, working=working, device="cpu", on_epoch=lambda *_: None)
    ledger.write(record, predictions)
    return ledger, record


def test_a_run_files_what_it_was_asked_for(data_folder, tmp_path):
    ledger, record = finished(data_folder, tmp_path, "aqcl", 12)
    assert pq.read_table(ledger.representations(record.identity)).num_rows == 12
    assert record.data.mean_click_length == read_manifest(data_folder / "small").mean_click_length
    assert list((tmp_path / "working").glob("*/*")) == []


def test_a_run_that_was_asked_for_none_files_none(data_folder, tmp_path):
    ledger, record = finished(data_folder, tmp_path, "plain", 0)
    assert not ledger.representations(record.identity).exists()


def test_representations_are_filed_with_the_record_or_not_at_all(data_folder, tmp_path, monkeypatch):
    ledger, record = finished(data_folder, tmp_path, "plain", 4)
    table = pq.read_table(ledger.representations(record.identity))
    ledger.discard(record.identity)
    assert not ledger.representations(record.identity).exists()
    pq.write_table(table, ledger.working(record.identity) / REPRESENTATIONS)
    assert not ledger.representations(record.identity).exists()
    ledger.write(record, table)
    assert ledger.representations(record.identity).exists()
