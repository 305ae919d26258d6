"""Checkpoints as bytes: what is put in comes out, and nothing else is read."""

import pickle

import pytest
import torch
from safetensors.torch import save

from ctrbench.errors import CtrbenchError
from ctrbench.training.checkpoint import below, dump, parse, under


def test_tensors_and_state_come_back():
    tensors = {"weight": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(3, dtype=torch.int64)}
    state = {"epochs": [{"loss": 0.1}], "name": "Größe"}
    found, again = parse(dump(tensors, state), "cpu")
    assert again == state
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_a_checkpoint_keeps_what_the_tensors_were():
    weight = torch.ones(2)
    content = dump({"weight": weight}, {})
    weight.zero_()
    assert parse(content, "cpu")[0]["weight"].tolist() == [1, 1]


def test_names_are_put_below_a_prefix_and_found_there():
    tensors = {"a.weight": torch.ones(1), "b": torch.zeros(1)}
    both = {**under("first", tensors), **under("second", tensors)}
    assert set(both) == {"first/a.weight", "first/b", "second/a.weight", "second/b"}
    assert below("second", both) == tensors


@pytest.mark.parametrize(
    "content",
    [b"", b"damaged", dump({"weight": torch.ones(9)}, {})[:-8], save({"weight": torch.ones(1)}), pickle.dumps({})],
    ids=["empty", "damaged", "cut short", "without a state", "a pickle"],
)
def test_other_bytes_are_refused(content):
    with pytest.raises(CtrbenchError, match=r"^not a checkpoint of ctrbench \("):
        parse(content, "cpu")
