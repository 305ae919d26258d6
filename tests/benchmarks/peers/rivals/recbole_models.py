"""RecBole: DIN and DeepFM through its trainer's epoch and the models' ``predict``.

The epoch reads any iterable of Interactions, so it gets slices of resident tensors, as its TrainDataLoader cuts them
but without the lists of indices. Torch's fused Adam replaces the trainer's plain one. A dataset is needed only for the
numbers of users and items: a file with every id once.
What the library fixes: DIN's input to the MLP (weighted history, item and their product; the user's embedding is
fetched and left out), a sigmoid in the attention, Dice and batch normalisation in the MLP; DeepFM's history has a table
of its own. Its DIN gives the attention the sizes of the MLP; the library's attention layer of the size that all have
replaces it.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import lap
import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataset import Dataset
from recbole.data.interaction import Interaction
from recbole.model.context_aware_recommender.deepfm import DeepFM
from recbole.model.layers import SequenceAttLayer
from recbole.model.sequential_recommender.din import DIN
from recbole.trainer import Trainer

FIELDS = {"user": "user_id", "item": "item_id", "history": "item_id_list", "length": "item_length", "label": "label"}


class Interactions(lap.Slices):
    """Batches as the trainer reads them."""

    def __iter__(self) -> Iterator[Interaction]:
        for batch in super().__iter__():
            yield Interaction({FIELDS[name]: values for name, values in batch.items()})


def dataset(model: str, sizes: lap.Sizes, folder: Path) -> tuple[Config, Dataset]:
    """The configuration, and a dataset with every user and item once."""
    lines = ["user_id:token\titem_id:token\titem_id_list:token_seq\titem_length:float\tlabel:float"]
    for row in range(max(sizes.users, sizes.items) - 1):
        user, item = 1 + row % (sizes.users - 1), 1 + row % (sizes.items - 1)
        lines.append(f"{user}\t{item}\t{item}\t1\t{row % 2}")
    (folder / "rows").mkdir()
    (folder / "rows" / "rows.inter").write_text("\n".join(lines) + "\n", "utf-8")
    settings = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder / "saved"),
        "load_col": {"inter": [*FIELDS.values()]},
        "alias_of_item_id": ["item_id_list"],
        "ITEM_LIST_LENGTH_FIELD": "item_length",
        "LIST_SUFFIX": "_list",
        "LABEL_FIELD": "label",
        "MAX_ITEM_LIST_LENGTH": sizes.history,
        "train_neg_sample_args": None,
        "numerical_features": [],
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
        "learning_rate": sizes.rate,
        "train_batch_size": sizes.batch,
        "embedding_size": sizes.embedding,
        "mlp_hidden_size": sizes.hidden,
        "dropout_prob": sizes.dropout,
        "pooling_mode": "mean",
    }
    config = Config(model="DIN" if model == "din" else "DeepFM", dataset="rows", config_dict=settings)
    return config, create_dataset(config)


def make(model: str, sizes: lap.Sizes) -> lap.Contestant:
    """DIN or DeepFM."""
    with tempfile.TemporaryDirectory() as folder:
        config, rows = dataset(model, sizes, Path(folder))
        if model == "din":
            made = DIN(config, rows)
            layers = [4 * sizes.embedding, sizes.attention]
            made.attention = SequenceAttLayer(
                made.attention.mask_mat, layers, activation="Sigmoid", softmax_stag=False, return_seq_weight=False
            )
        else:
            made = DeepFM(config, rows)
        trainer = Trainer(config, made)
    torch.autograd.set_detect_anomaly(
        False
    )  # the library looks for NaN in every gradient, half of the time of training
    trainer.optimizer = torch.optim.Adam(made.parameters(), lr=sizes.rate, fused=True)

    def predict(batches: Interactions) -> np.ndarray:
        made.eval()
        with torch.no_grad():
            return torch.cat([made.predict(batch) for batch in batches]).numpy()

    return lap.Contestant(Interactions, lambda batches: trainer._train_epoch(batches, 0), predict, batch=512)


if __name__ == "__main__":
    lap.run("recbole", make)
