"""torch-rechub: DIN and DeepFM through ``CTRTrainer``.

The trainer reads any iterable of batches, so it gets slices of resident tensors instead of its row-by-row DataLoader.
The progress bar is off, no weight is penalised, Adam is torch's fused one, and the item and the history share a table.
What the library fixes: batch normalisation behind every linear layer, also the attention's; Dice in DIN's MLP; a
linear part of DeepFM that weighs embeddings and not ids.
"""

import os
from collections.abc import Iterator

os.environ["TQDM_DISABLE"] = "1"
import lap
import numpy as np
import torch
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.models.ranking import DIN, DeepFM
from torch_rechub.trainers import CTRTrainer


class Pairs(lap.Slices):
    """Batches as the trainer reads them: inputs and labels."""

    def __iter__(self) -> Iterator[tuple[lap.Tensors, torch.Tensor]]:
        for batch in super().__iter__():
            yield {name: batch[name] for name in ("user", "item", "history")}, batch["label"]


def make(model: str, sizes: lap.Sizes) -> lap.Contestant:
    """DIN or DeepFM."""
    user = SparseFeature("user", vocab_size=sizes.users, embed_dim=sizes.embedding)
    item = SparseFeature("item", vocab_size=sizes.items, embed_dim=sizes.embedding, padding_idx=0)
    history = SequenceFeature(
        "history",
        vocab_size=sizes.items,
        embed_dim=sizes.embedding,
        pooling="concat" if model == "din" else "mean",
        shared_with="item",
        padding_idx=0,
    )
    deep = {"dims": sizes.hidden, "dropout": sizes.dropout}
    if model == "din":
        attention = {"dims": [sizes.attention], "activation": "prelu"}
        made = DIN([user], [history], [item], mlp_params=deep, attention_mlp_params=attention)
    else:
        made = DeepFM([user, item, history], [user, item, history], mlp_params=deep)
    trainer = CTRTrainer(made, optimizer_params={"lr": sizes.rate, "fused": True})

    def predict(rows: Pairs) -> np.ndarray:
        return np.asarray(trainer.predict(made, rows))

    return lap.Contestant(Pairs, trainer.train_one_epoch, predict, batch=512)


if __name__ == "__main__":
    lap.run("torch-rechub", make)
