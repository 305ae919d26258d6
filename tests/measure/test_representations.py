"""The h of test rows beside a record: which rows, whose weights, and what a method says of them."""

import numpy as np
import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.measure.representations import representations
from ctrbench.training.build import build
from ctrbench.training.settings import TrainingSettings


def components(feed, method):
    names = {"backbone": "din", "method": method, "seed": 0}
    return build(feed, TrainingSettings(), **names, backbone_settings={}, method_settings={})


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
