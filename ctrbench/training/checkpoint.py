"""Checkpoints: tensors and JSON in one safetensors file, never a pickle.

``save`` takes any tree of dicts whose leaves are tensors or JSON values; the file appears whole or not at all.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ctrbench.errors import CtrbenchError

SEPARATOR = "/"


def save(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Writes tensors and a JSON-ready state.

    Raises:
        CtrbenchError: the file cannot be written; an earlier file stays as it was.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    detached = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(detached, temporary, metadata={"state": json.dumps(state)})
        temporary.replace(path)
    except (SafetensorError, OSError) as error:
        temporary.unlink(missing_ok=True)
        # "Error while serializing: I/O error: No space left on device (os error 28)"
        reason = str(error).rpartition(": ")[2].partition(" (os error")[0]
        cause = (isinstance(error, OSError) and error.strerror) or reason
        raise CtrbenchError(f"{path}: cannot be written ({cause}); free space or pass --results") from None


def load(path: Path, device: torch.device | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`save` wrote.

    Raises:
        CtrbenchError: the file is not a checkpoint of ctrbench; a pickle is refused without being read.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            state = json.loads(file.metadata()["state"])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise CtrbenchError(
            f"{path}: not a checkpoint of ctrbench ({error}); delete it to start the run again"
        ) from None


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, their names put below a prefix."""
    return {prefix + SEPARATOR + name: tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors below a prefix, without it."""
    start = prefix + SEPARATOR
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
