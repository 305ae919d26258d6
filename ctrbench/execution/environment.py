"""The environment of a run: versions, machine, and the commit of the code."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import torch

import ctrbench
from ctrbench.backbones.kernels import Kernels, numba_version
from ctrbench.store.record import Environment


def environment(device: torch.device, kernels: Kernels = "reference") -> Environment:
    """Versions and machine of this process, and the kernels of the job."""
    return Environment(
        versions={
            "python": platform.python_version(),
            "ctrbench": ctrbench.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            **({"numba": numba_version()} if kernels == "fused" else {}),
        },
        machine=f"{platform.system()} {platform.machine()}, {_processor()}",
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        kernels=kernels,
        git_commit=_git_commit(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")


@cache
def _git_commit() -> str | None:
    package = Path(ctrbench.__file__).parent
    try:
        top = _git(package, "rev-parse", "--show-toplevel")
        if Path(top) != package.parent:
            return None
        changed = _git(package, "status", "--porcelain", "--", ".")
        return _git(package, "rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(where), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
