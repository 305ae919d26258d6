"""Which of two implementations of the same arithmetic computes a run: torch's operations, or loops compiled by numba.

Like the device, this is no part of a job's identity: both compute the same function, and rounding alone differs. The
record says which one was used.
"""

from abc import ABC, abstractmethod
from functools import cache
from importlib.metadata import version
from typing import Literal

import torch
from torch import nn

from ctrbench.errors import CtrbenchError

Kernels = Literal["reference", "fused"]
CHOICES = ("auto", "reference", "fused")
INSTALL = "pip install 'ctrbench[fast]'"


class Fusable(nn.Module, ABC):
    """A module with a fused implementation besides its torch operations; the torch operations are the reference."""

    fused = False
    """Whether the fused implementation computes; it needs numba, and tensors on the CPU."""

    @abstractmethod
    def compile_loops(self) -> None:
        """Compiles the loops of the fused implementation, so that the first batch does not wait for them."""


def check_kernels(choice: str, device: torch.device) -> None:
    """Checks that a run can use a choice of kernels.

    Raises:
        CtrbenchError: no such choice, or ``fused`` on another device than the CPU or without numba.
    """
    if choice not in CHOICES:
        raise CtrbenchError(f"--kernels {choice}: no such kernels; use auto, reference or fused")
    if choice != "fused":
        return
    if device.type != "cpu":
        raise CtrbenchError(f"--kernels fused: the fused kernels run on the CPU, not on {device.type}; use auto")
    if problem := numba_problem():
        raise CtrbenchError(f"--kernels fused: {problem}; run: {INSTALL}; or use auto")


def use_kernels(choice: str, device: torch.device, *modules: nn.Module) -> None:
    """Sets the implementation of every :class:`Fusable` in the modules; ``auto``: fused, on a CPU with numba.

    Raises:
        CtrbenchError: as :func:`check_kernels`.
    """
    check_kernels(choice, device)
    fusable = [part for module in modules for part in module.modules() if isinstance(part, Fusable)]
    if not fusable or choice == "reference" or device.type != "cpu" or numba_problem():
        return
    for part in fusable:
        part.compile_loops()
        part.fused = True


def kernels_of(*modules: nn.Module) -> Kernels:
    """The implementation that the modules use: ``reference`` also where none has a fused one."""
    parts = (part for module in modules for part in module.modules())
    return "fused" if any(isinstance(part, Fusable) and part.fused for part in parts) else "reference"


def describe_kernels(*modules: nn.Module) -> str:
    """As :func:`kernels_of`, with the version of the compiler: equal texts mean equal bits on one machine."""
    kernels = kernels_of(*modules)
    return f"{kernels}, numba {numba_version()}" if kernels == "fused" else kernels


def numba_version() -> str:
    """The version of the installed numba."""
    return version("numba")


@cache
def numba_problem() -> str:
    """Why numba cannot be used; empty where it can. Importing it takes half a second."""
    try:
        import numba  # noqa: F401, PLC0415 - an optional package
    except ModuleNotFoundError:
        return "numba is not installed"
    except ImportError as error:
        return f"numba cannot be imported ({error})"
    return ""
