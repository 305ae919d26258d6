"""How a run is trained."""

from typing import Literal

from pydantic import Field

from ctrbench.strict import Strict


class TrainingSettings(Strict):
    """Section ``[training]`` of a recipe."""

    batch_size: int = Field(1024, ge=1)
    """Rows per step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Of Adam; its other constants are the usual ones."""
    penalty: float = Field(0.0, ge=0)
    """L2 on embeddings: this times the squared norms of all embeddings that a row uses (fields and history), mean
    over the batch. Only rows of the tables that the batch touches are pulled to zero, as often as it touches them."""
    epochs: int = Field(30, ge=1)
    """At most."""
    patience: int = Field(3, ge=1)
    """Epochs without a better watched figure before training stops; the best epoch's weights are kept."""
    watch: Literal["auc", "logloss"] = "auc"
    """The validation figure that stops training. Logloss is lowest long before AUC is highest on sampled negatives."""
