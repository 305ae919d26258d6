"""Which implementation a run uses, and what is refused."""

import builtins

import pytest
import torch
from torch import nn

from ctrbench.backbones import kernels
from ctrbench.backbones.activation_unit import ActivationUnit
from ctrbench.backbones.base import EmbeddingTable
from ctrbench.errors import CtrbenchError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(2, 2), ActivationUnit(4, 3))


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setattr(kernels, "numba_problem", lambda: "numba is not installed")


def used(choice, model, device=CPU):
    kernels.use_kernels(choice, device, nn.ReLU(), model)
    return kernels.kernels_of(nn.ReLU(), model)


def test_with_numba_auto_is_fused_on_the_cpu_alone(model):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    assert used("auto", model, CUDA) == "reference"
    assert used("reference", model) == "reference"
    assert used("auto", model) == "fused"
    assert kernels.describe_kernels(model) == f"fused, numba {kernels.numba_version()}"


def test_fused_fuses_every_layer_that_can_be(model):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    assert used("fused", nn.ModuleList([model, ActivationUnit(4, 3)])) == "fused"
    assert model[1].fused


def test_an_embedding_table_is_fused():
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    assert used("auto", EmbeddingTable(torch.zeros(3, 2))) == "fused"


def test_a_model_without_such_a_layer_uses_the_reference():
    assert used("auto", nn.Linear(2, 2)) == "reference"
    assert kernels.describe_kernels(nn.Linear(2, 2)) == "reference"


def test_without_numba_auto_is_the_reference_and_fused_is_refused(model, without_numba):
    assert used("auto", model) == "reference"
    message = r"--kernels fused: numba is not installed; run: pip install 'ctrbench\[fast\]'; or use auto"
    with pytest.raises(CtrbenchError, match=message):
        used("fused", model)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ModuleNotFoundError("No module named 'numba'"), "numba is not installed"),
        (ImportError("Numba needs NumPy 2.5 or less"), "numba cannot be imported (Numba needs NumPy 2.5 or less)"),
    ],
)
def test_the_problem_with_numba_is_named(monkeypatch, error, problem):
    imported = builtins.__import__

    def without(name, *arguments):
        if name == "numba":
            raise error
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    assert kernels.numba_problem.__wrapped__() == problem


def test_fused_on_another_device_is_refused(model):
    with pytest.raises(CtrbenchError, match="--kernels fused: the fused kernels run on the CPU, not on cuda; use auto"):
        used("fused", model, CUDA)


def test_kernels_of_another_name_are_refused(model):
    with pytest.raises(CtrbenchError, match="--kernels fast: no such kernels; use auto, reference or fused"):
        used("fast", model)
