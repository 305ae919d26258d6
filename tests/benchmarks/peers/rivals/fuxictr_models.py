"""FuxiCTR: DIN and DeepFM through its ``train_epoch`` and ``predict``.

``train_epoch`` reads any iterable of batches, so it gets slices of resident tensors instead of the library's row-by-row
loaders. No weight is penalised, the progress bar is off, and torch's fused Adam replaces the plain one that ``compile``
makes. The item and the history share a table. DIN is the one of the library's model zoo (LongCTR). DeepFM is not in the
installed package: it is put together from the package's layers as in the model zoo of its repository, with the history
as a sequence field whose mean is taken (in the linear part, which the library fixes, its sum).
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lap
import numpy as np
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
from fuxictr.pytorch.models import BaseModel
from model_zoo.LongCTR.DIN.DIN import DIN


class ItemsTogether(lap.Slices):
    """Batches as DIN reads them: fields, the history's and the target's items in one row, and the mask."""

    def __iter__(self) -> Iterator[tuple[lap.Tensors, lap.Tensors, torch.Tensor]]:
        for batch in super().__iter__():
            items = torch.cat([batch["history"], batch["item"].unsqueeze(1)], 1).flatten()
            fields = {"user": batch["user"], "label": batch["label"]}
            yield fields, {"item": items}, (batch["history"] > 0).float()


class Fields(lap.Slices):
    """Batches as every other model reads them: a tensor for each feature."""

    def __init__(self, columns: lap.Columns, size: int) -> None:
        super().__init__({name: columns[name] for name in ("user", "item", "history", "label")}, size)


class DeepFM(BaseModel):
    """The sum of a factorisation machine and a deep network over the same embeddings."""

    def __init__(self, feature_map: FeatureMap, sizes: lap.Sizes, **settings: Any) -> None:
        super().__init__(feature_map, **settings)
        self.embedding_layer = FeatureEmbedding(feature_map, sizes.embedding)
        self.fm = FactorizationMachine(feature_map)
        self.mlp = MLP_Block(
            input_dim=feature_map.sum_emb_out_dim(),
            output_dim=1,
            hidden_units=sizes.hidden,
            dropout_rates=sizes.dropout,
        )
        self.compile(settings["optimizer"], settings["loss"], sizes.rate)
        self.reset_parameters()

    def forward(self, inputs: lap.Tensors) -> lap.Tensors:
        """Probabilities."""
        features = self.get_inputs(inputs)
        embedded = self.embedding_layer(features)
        logit = self.fm(features, embedded) + self.mlp(embedded.flatten(start_dim=1))
        return {"y_pred": self.output_activation(logit)}


def features(model: str, sizes: lap.Sizes) -> FeatureMap:
    """The fields, which the library reads from a file."""
    item = {"vocab_size": sizes.items, "padding_idx": 0}
    fields = [
        {"user": {"type": "categorical", "source": "user", "vocab_size": sizes.users}},
        {"item": {"type": "categorical", "source": "item", **item}},
    ]
    if model == "deepfm":
        encoder = {"max_len": sizes.history, "feature_encoder": "layers.MaskedAveragePooling()"}
        fields.append({"history": {"type": "sequence", "source": "user", "share_embedding": "item", **encoder, **item}})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feature_map.json"
        path.write_text(json.dumps({"dataset_id": "rows", "labels": ["label"], "features": fields}), "utf-8")
        made = FeatureMap("rows", folder)
        made.load(str(path), {"embedding_dim": sizes.embedding})
    return made


def make(model: str, sizes: lap.Sizes) -> lap.Contestant:
    """DIN or DeepFM."""
    settings = {
        "verbose": 0,
        "model_root": "unused",
        "metrics": ["AUC"],
        "optimizer": "adam",
        "loss": "binary_crossentropy",
    }
    if model == "din":
        made = DIN(
            features(model, sizes),
            dnn_hidden_units=sizes.hidden,
            dnn_activations="PReLU",
            attention_hidden_units=[sizes.attention],
            attention_hidden_activations="PReLU",
            learning_rate=sizes.rate,
            embedding_dim=sizes.embedding,
            net_dropout=sizes.dropout,
            **settings,
        )
    else:
        made = DeepFM(features(model, sizes), sizes, **settings)
    made.optimizer = torch.optim.Adam(made.parameters(), lr=sizes.rate, fused=True)
    # What ``fit`` sets before its first epoch; it would validate and write a checkpoint after each.
    made._max_gradient_norm, made._total_steps, made._eval_steps, made._stop_training = 10.0, 0, 10**9, False

    def predict(rows: lap.Slices) -> np.ndarray:
        return made.predict(rows)

    return lap.Contestant(ItemsTogether if model == "din" else Fields, made.train_epoch, predict, batch=512)


if __name__ == "__main__":
    lap.run("fuxictr", make)
