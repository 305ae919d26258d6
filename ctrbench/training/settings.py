"""How a run is trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ctrbench.strict import Strict


class TrainingSettings(Strict):
    """Section ``[training]`` of a recipe."""

    batch_size: int = Field(1024, ge=1, le=100_000_000)
    """Rows per step."""
    learning_rate: float = Field(1e-3, gt=0)
    """Learning rate of Adam, whose other constants are torch's defaults. ``schedule`` may lower it."""
    schedule: Literal["constant", "linear", "plateau"] = "constant"
    """``linear``: the rate falls step by step to 0 at the end of the planned ``epochs``, even of a single epoch;
    early stopping still applies and cuts the decline short. ``plateau``: the rate is divided by ten whenever the
    watched value stalls for ``schedule_patience`` looks, ``drops`` times at most; training continues from the latest
    weights, not from the best."""
    schedule_patience: int = Field(2, ge=1, le=100_000)
    """Looks without a better watched value, since the best one or the last drop, before the rate drops. ``patience``
    counts anew after a drop, so training stops early only once all drops are used up."""
    drops: int = Field(2, ge=1, le=10)
    """Most drops of the rate under ``plateau``."""
    penalty: float = Field(0.0, ge=0)
    """L2 on embeddings, by occurrence: weight of the squared norms of all embeddings that a row uses (fields and
    history), mean over the batch. Only rows of the tables that the batch touches are pulled to zero, as often as it
    touches them."""
    embedding_l2: float = Field(0.0, ge=0)
    """L2 on embeddings, over the whole tables: every step adds half this value times the sum of the squared weights of
    every embedding table of the backbone, first-order, wide and cross tables included (FuxiCTR's
    ``embedding_regularizer``; DeepCTR's ``l2_reg_embedding`` has no half: its value is half of this one). Rows that the
    batch does not touch are pulled to zero as well, in every step. Tables that a method adds are not penalised."""
    embedding_l2_form: Literal["coupled", "decoupled"] = "coupled"
    """How ``embedding_l2`` acts. ``coupled``: as a part of the loss, whose gradient Adam scales like any other
    (FuxiCTR, DeepCTR). ``decoupled``: every step shrinks the tables by the factor 1 - rate * ``embedding_l2``, beside
    Adam's step (AdamW, arXiv 1711.05101), so that equal weights act otherwise than coupled ones."""
    embedding_adam: Literal["dense", "lazy"] = "dense"
    """Whether a step of Adam works on whole embedding tables, or on the rows of its batch alone, each of which first
    catches up the steps it has missed (``training/lazy_adam.py``): the same function but for epsilon and rounding,
    and faster where a table has far more rows than a batch touches. ``lazy`` takes no coupled L2, which has no such
    form."""
    task_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Trained task -> weight of its loss in the total; 1 for a task that is not named."""
    balance: Literal["sum", "pcgrad"] = "sum"
    """How the tasks and the parts that a method adds share the weights that several of them reach. ``sum``: as one
    loss. ``pcgrad``: where the gradients of two of them have a negative product, each loses its part along the other
    (arXiv 2001.06782); for k of them, a step costs k + 1 more backward passes and waits for the device."""
    epochs: int = Field(30, ge=1, le=100_000)
    """Most epochs of a run; early stopping may end it before."""
    looks: int = Field(1, ge=1, le=1000)
    """Validations per epoch: one after each of this many equal parts of its batches. The batches and the weights at the
    end of an epoch do not depend on it; which weights are kept, and when training stops, does. Within an epoch some
    rows have been trained on once more than others, which can make such looks worse than those at the ends of epochs:
    let ``patience`` and ``schedule_patience`` span whole epochs."""
    patience: int = Field(3, ge=1, le=100_000)
    """Looks without a better watched value before training stops; the weights of the best look are kept. With one look
    per epoch, it counts epochs."""
    probe_every: int = Field(0, ge=0, le=100_000)
    """Steps between two probes of how the parts that a method adds to the loss pull the shared weights, beside the task
    (``training/probe.py``): the record has their means. 0: none. A probe costs one more backward pass for the task and
    one for each part; it changes nothing in the training."""
    watch: str = "auc"
    """The validation metric that stops training: ``METRIC`` of the main task, or ``TASK.METRIC``, where the task may be
    a derived one. Logloss is lowest long before AUC is highest on sampled negatives."""

    @property
    def most_looks(self) -> int:
        """Looks of a run that is not stopped early."""
        return self.epochs * self.looks

    @model_validator(mode="after")
    def _lazy_needs_decoupled_l2(self) -> Self:
        if self.embedding_adam == "lazy" and self.embedding_l2 and self.embedding_l2_form == "coupled":
            raise ValueError(
                'embedding_adam = "lazy" takes no coupled L2, which gives every row a gradient in every step: set '
                'embedding_l2_form = "decoupled", or embedding_l2 = 0'
            )
        return self

    @model_validator(mode="after")
    def _drops_before_stopping(self) -> Self:
        if self.schedule == "plateau" and self.schedule_patience > self.patience:
            raise ValueError(
                f"schedule_patience {self.schedule_patience} is above patience {self.patience}: training would stop "
                "before the rate drops; lower it, or raise patience"
            )
        return self
