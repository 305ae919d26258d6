"""Checkpoints: tensors and JSON in, the same out."""

import pytest
import torch

from ctrbench.errors import CtrbenchError
from ctrbench.training.checkpoint import below, dump, parse, under


def test_what_is_dumped_is_parsed():
    tensors = {"weight": torch.randn(3, 2), "step": torch.tensor(7.0), "state": torch.arange(5, dtype=torch.uint8)}
    state = {"epochs": [{"loss": 0.1, "auc": None}], "origin": {"data": "é"}}
    found, read = parse(dump(under("adam", tensors), state), "cpu")
    assert read == state
    assert below("best", found) == {}
    found = below("adam", found)
    assert found.keys() == tensors.keys()
    assert all(found[name].dtype == tensors[name].dtype for name in tensors)
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_half_a_checkpoint_is_refused():
    content = dump({"weight": torch.ones(100)}, {})
    with pytest.raises(CtrbenchError, match="not a checkpoint of ctrbench"):
        parse(content[:-1], "cpu")
