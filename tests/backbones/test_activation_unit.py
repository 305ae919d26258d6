"""The activation unit, as torch operations and fused, against equation 3 computed position by position."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from ctrbench.backbones.activation_unit import ActivationUnit

SHAPES = [
    pytest.param([3, 0, 1, 7, 0, 50, 2], 16, 36, id="rows without positions"),
    pytest.param([4, 9, 1], 15, 7, id="odd sizes"),
    pytest.param([5, 2], 96, 1, id="one unit"),
    pytest.param([0, 0, 0], 8, 36, id="no position at all"),
    pytest.param([1], 1, 3, id="one position of one number"),
    pytest.param([20] * 400, 32, 36, id="a batch"),
]


def unit(size, hidden, *, fused, dtype=torch.float32):
    """A unit whose every parameter matters."""
    if fused:
        pytest.importorskip("numba", reason="needs ctrbench[fast]")
    torch.manual_seed(2)
    made = ActivationUnit(size, hidden)
    nn.init.normal_(made.first.bias)
    nn.init.constant_(made.activation.weight, -0.3)
    made.fused = fused
    return made.to(dtype)


def inputs(lengths, size, dtype=torch.float32):
    """Query, key, owners, offsets, and a gradient of the interest."""
    torch.manual_seed(3)
    length = torch.tensor(lengths)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), length.cumsum(0)])
    query, key, grad = (torch.randn(n, size, dtype=dtype) for n in (len(lengths), sum(lengths), len(lengths)))
    return query, key, torch.repeat_interleave(length), offsets, grad


def values(call, made, given):
    """The interest, and the gradients of the query, the key and all parameters."""
    query, key, owners, offsets, grad = given
    query, key = query.clone().requires_grad_(), key.clone().requires_grad_()
    interest = call(made, query, key, owners, offsets)
    return [interest.detach(), *torch.autograd.grad(interest, [query, key, *made.parameters()], grad)]


def by_position(made, query, key, owners, offsets):
    """Equation 3, over the concatenation."""
    interests = []
    for row in range(len(query)):
        total = query[row] * 0
        for k in key[offsets[row] : offsets[row + 1]]:
            q = query[row]
            hidden = made.first(torch.cat([q, k, q - k, q * k]))
            total = total + made.second(torch.where(hidden > 0, hidden, made.activation.weight * hidden)) * k
        interests.append(total)
    # Parameters that no position reaches have a gradient of zero, not none.
    return torch.stack(interests) + 0 * (key.sum() + sum(p.sum() for p in made.parameters()))


def call(made, query, key, owners, offsets):
    return made(query, key, owners, offsets)


def distance(found, expected):
    """The largest difference, relative to the largest value."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    if not expected.numel():
        return 0.0
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-30))


@pytest.mark.parametrize("fused", [False, True], ids=["reference", "fused"])
@pytest.mark.parametrize(("lengths", "size", "hidden"), SHAPES[:-1])
def test_value_and_gradients_are_those_of_the_equation(lengths, size, hidden, fused):
    made, given = unit(size, hidden, fused=fused, dtype=torch.double), inputs(lengths, size, torch.double)
    for found, expected in zip(values(call, made, given), values(by_position, made, given), strict=True):
        assert distance(found, expected) < 1e-12


@pytest.mark.parametrize(("lengths", "size", "hidden"), SHAPES)
def test_fused_is_exact_in_single_precision(lengths, size, hidden):
    """Against the reference in double precision: in single precision its sums lose more digits on some processors."""
    given = inputs(lengths, size)
    doubled = [each.double() if each.is_floating_point() else each for each in given]
    found = values(call, unit(size, hidden, fused=True), given)
    exact = values(call, unit(size, hidden, fused=False).double(), doubled)
    assert all(distance(fused.double(), each) < 1e-5 for fused, each in zip(found, exact, strict=True))


@pytest.mark.parametrize("fused", [False, True], ids=["reference", "fused"])
def test_gradients_are_the_slopes_of_the_value(fused):
    made = unit(6, 5, fused=fused, dtype=torch.double)
    query, key, owners, offsets, _ = inputs([2, 0, 3], 6, torch.double)
    names = [name for name, _ in made.named_parameters()]

    def value(query, key, *parameters):
        named = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(made, named, (query, key, owners, offsets))

    parameters = [p.detach().clone() for p in made.parameters()]
    assert torch.autograd.gradcheck(value, [t.requires_grad_() for t in (query, key, *parameters)])


@pytest.mark.parametrize(("lengths", "size", "hidden"), SHAPES)
def test_fused_has_equal_bits_every_time_and_without_gradients(lengths, size, hidden):
    made, given = unit(size, hidden, fused=True), inputs(lengths, size)
    first, second = values(call, made, given), values(call, made, given)
    assert all(map(torch.equal, first, second))
    with torch.no_grad():
        assert torch.equal(made(*given[:-1]), first[0])


def test_fused_takes_tensors_that_are_not_contiguous():
    made = unit(8, 5, fused=True)
    query, key, owners, offsets, grad = inputs([3, 0, 4], 8)
    apart = [t.t().contiguous().t() for t in (query, key, grad)]
    assert not any(t.is_contiguous() for t in apart)
    found = values(call, made, (*apart[:2], owners, offsets, apart[2]))
    assert all(map(torch.equal, found, values(call, made, (query, key, owners, offsets, grad))))


@pytest.mark.parametrize("fused", [False, True], ids=["reference", "fused"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so(fused, broken):
    made = unit(4, 3, fused=fused)
    query, key, *others = inputs([2, 1], 4)
    key[0, 0] = broken
    interest, _, _, first, *_ = values(call, made, (query, key, *others))
    assert not interest[0].isfinite().all()
    assert interest[1].isfinite().all()
    assert not first.isfinite().all()


def test_loops_are_compiled_before_the_first_batch():
    made = unit(8, 5, fused=True)
    made.compile_loops()
    from ctrbench.backbones import activation_loops as loops

    compiled = [loops.multiply, loops.weigh, loops.weigh_backward, loops.multiply_backward]
    before = [len(loop.signatures) for loop in compiled]
    made.compile_loops()
    values(call, made, inputs([2, 0], 8))
    assert [len(loop.signatures) for loop in compiled] == before
    assert min(before) > 0


START = """
import torch
from ctrbench.backbones.activation_unit import ActivationUnit
torch.manual_seed(0)
unit = ActivationUnit(5, 7)
unit.compile_loops()
unit.fused = True
query, key, lengths = torch.randn(2, 5), torch.randn(9, 5).requires_grad_(), torch.tensor([4, 5])
interest = unit(query, key, torch.repeat_interleave(lengths), torch.tensor([0, 4, 9]))
print(interest.tolist(), torch.autograd.grad(interest.sum(), key)[0].tolist())
"""


def test_processes_that_compile_at_the_same_time_have_equal_bits(tmp_path):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def process():
        command = [sys.executable, "-c", START]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    ended = [each.communicate() for each in (process(), process())]
    ended.append(process().communicate())
    assert ended[0][0]
    assert ended == [ended[0]] * 3
    assert ended[0][1] == ""
    assert list(tmp_path.rglob("*.nbc"))
