"""How a run is trained."""

from typing import Annotated

from pydantic import Field

from ctrbench.strict import Strict


class TrainingSettings(Strict):
    """Section ``[training]`` of a recipe."""

    batch_size: int = Field(1024, ge=1, le=100_000_000)
    """Rows per step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Of Adam; its other constants are the usual ones."""
    penalty: float = Field(0.0, ge=0)
    """L2 on embeddings: this times the squared norms of all embeddings that a row uses (fields and history), mean
    over the batch. Only rows of the tables that the batch touches are pulled to zero, as often as it touches them."""
    task_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Trained task -> what its loss is multiplied by in the total; 1 for a task that is not named."""
    epochs: int = Field(30, ge=1, le=100_000)
    """At most."""
    patience: int = Field(3, ge=1, le=100_000)
    """Epochs without a better watched value before training stops; the best epoch's weights are kept."""
    watch: str = "auc"
    """The validation metric that stops training: ``METRIC`` of the main task, or ``TASK.METRIC``, where the task may be
    a derived one. Logloss is lowest long before AUC is highest on sampled negatives."""
