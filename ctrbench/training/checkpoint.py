"""Checkpoints: tensors and JSON as the bytes of one safetensors file, never a pickle.

Bytes, not a file: a worker hands them to the driver, which alone writes.
"""

import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ctrbench.errors import CtrbenchError

SEPARATOR = "/"
STATE = "state"
"""Name of the tensor that holds the JSON as bytes."""


def dump(tensors: dict[str, Tensor], state: dict[str, Any]) -> bytes:
    """Tensors and a JSON-ready state as bytes."""
    text = torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)
    return save({STATE: text, **{name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}})


def parse(content: bytes, device: torch.device | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads the result of :func:`dump`.

    Raises:
        CtrbenchError: the bytes are not a checkpoint of this package; a pickle is refused without being read.
    """
    try:
        tensors = load(content)
        state = json.loads(tensors.pop(STATE).numpy().tobytes())
    except (SafetensorError, KeyError, ValueError) as error:
        raise CtrbenchError(f"not a checkpoint of ctrbench ({error})") from None
    return {name: tensor.to(device) for name, tensor in tensors.items()}, state


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, with a prefix before their names."""
    return {prefix + SEPARATOR + name: tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by their names without it."""
    start = prefix + SEPARATOR
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
