"""Checkpoints on a disk that refuses them."""

import pytest
import torch
from safetensors import SafetensorError

from ctrbench.errors import CtrbenchError
from ctrbench.training import checkpoint

FULL = [
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", FULL, ids=["safetensors", "system"])
def test_a_full_disk_is_one_line_and_leaves_the_old_checkpoint_alone(tmp_path, monkeypatch, error):
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, {"weight": torch.ones(2)}, {"epoch": 1})

    def full(tensors, file, metadata):
        file.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(CtrbenchError) as raised:
        checkpoint.save(path, {"weight": torch.zeros(2)}, {"epoch": 2})
    assert str(raised.value) == (f"{path}: cannot be written (No space left on device); free space or pass --results")
    assert list(tmp_path.iterdir()) == [path]
    assert checkpoint.load(path, "cpu")[1] == {"epoch": 1}
