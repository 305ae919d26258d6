"""DeepCTR-Torch: DIN and DeepFM through ``fit`` and ``predict``.

``fit`` builds its own DataLoader over a TensorDataset, row by row, and offers no other; ``verbose=0`` spares it the
progress bar and the metrics of each batch. It turns every batch into float32, so the rows come as float32. The item and
the history share a table, PReLU stands where the library lets one choose, no weight is penalised, and Adam is torch's
fused one, which ``compile`` accepts.
"""

import sys
from types import ModuleType

import lap
import numpy as np
import torch

# Importing the library asks a server for a newer version, in a thread. An empty module ends the thread at once.
sys.modules["requests"] = ModuleType("requests")
from deepctr_torch.inputs import SparseFeat, VarLenSparseFeat  # noqa: E402
from deepctr_torch.models import DIN, DeepFM  # noqa: E402


def load(columns: lap.Columns, size: int) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    """The arrays that ``fit`` takes, and the batch size."""
    names = {"user": "user", "item": "item", "hist_item": "history", "length": "length"}
    return {name: columns[column].astype(np.float32) for name, column in names.items()}, columns["label"], size


def make(model: str, sizes: lap.Sizes) -> lap.Contestant:
    """DIN or DeepFM."""
    item = {"vocabulary_size": sizes.items, "embedding_dim": sizes.embedding, "embedding_name": "item"}
    features = [
        SparseFeat("user", vocabulary_size=sizes.users, embedding_dim=sizes.embedding),
        SparseFeat("item", **item),
        VarLenSparseFeat(SparseFeat("hist_item", **item), maxlen=sizes.history, combiner="mean", length_name="length"),
    ]
    shared = {"dnn_hidden_units": tuple(sizes.hidden), "dnn_dropout": sizes.dropout, "l2_reg_embedding": 0.0}
    if model == "din":
        attention = {"att_hidden_size": (sizes.attention,), "att_activation": "prelu"}
        made = DIN(features, ["item"], dnn_activation="prelu", **attention, **shared)
    else:
        made = DeepFM(features, features, l2_reg_linear=0.0, **shared)
    made.compile(torch.optim.Adam(made.parameters(), lr=sizes.rate, fused=True), "binary_crossentropy")

    def train(rows: tuple[dict[str, np.ndarray], np.ndarray, int]) -> None:
        inputs, label, size = rows
        made.fit(dict(inputs), label, batch_size=size, epochs=1, verbose=0, shuffle=False)

    def predict(rows: tuple[dict[str, np.ndarray], np.ndarray, int]) -> np.ndarray:
        inputs, _, size = rows
        return made.predict(dict(inputs), batch_size=size)

    return lap.Contestant(load, train, predict, batch=512)


if __name__ == "__main__":
    lap.run("deepctr-torch", make)
