"""How a run is trained."""

from collections.abc import Collection
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from ctrbench.errors import CtrbenchError
from ctrbench.strict import Strict

BalanceOfLosses = Literal["uncertainty", "ema"]
BalanceOfGradients = Literal["pcgrad", "nash", "imtl-g", "aligned-mtl"]
Balance = Literal["sum", BalanceOfLosses, BalanceOfGradients]
SCALE_FREE = ("uncertainty", "ema", "nash", "imtl-g")
"""Balances for which a constant factor of a task's loss decides nothing, or, in ``uncertainty``, the start alone."""


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
    balance: Balance = "sum"
    """How the tasks share the weights of a model. The recorded loss is the plain sum under every balance; all but
    ``sum`` record the mean weight of each term, too.

    ``sum``: the tasks' losses times ``task_weights``, plus what the method adds.

    Two balances of the losses, for two or more tasks. They cost next to nothing, and what a method adds keeps its
    weight. ``uncertainty``: sum L / (2 e^s) + s / 2, where each task's s is learnt at the run's learning rate, starting
    at -0.5 (Kendall et al., CVPR 2018). ``ema``: each loss is divided by its moving average (our reading of the
    abstract of arXiv 2211.12999).

    Four balances of the gradients, at the weights of the backbone that several terms reach, where a term is a task or a
    part that the method adds. For k terms, a step costs k + 1 more backward passes and waits for the device.
    ``pcgrad``: where the gradients of two terms have a negative product, each loses its part along the other (arXiv
    2001.06782). ``nash``: the terms' bargaining solution (arXiv 2202.01017), a gradient of length 1, or less where the
    terms' gradients cancel; ``penalty`` is not scaled with it. ``imtl-g``: the combination that has the same component
    along every gradient (Liu et al., ICLR 2021). ``aligned-mtl``: the mean of the gradients with their principal
    components scaled to the shortest (arXiv 2305.19000).

    What the paper of a backbone adds, such as the auxiliary losses and the penalty of FDN, is not balanced.

    A constant factor of a loss has no effect on what ``ema``, ``nash`` and ``imtl-g`` choose, and a passing one in
    ``uncertainty``: these four take no ``task_weights``, and with ``nash`` and ``imtl-g`` the weight of a method's part
    acts on the parameters that it does not share alone."""
    ema_decay: float = Field(0.99, ge=0, lt=1)
    """Weight of the earlier batches in the moving averages of ``balance = "ema"``; 0.99 averages about 100 batches.
    With 0, every loss is divided by itself."""
    epochs: int = Field(30, ge=1, le=100_000)
    """Most epochs of a run; early stopping may end it before."""
    looks: int = Field(1, ge=1, le=1000)
    """Validations per epoch: one after each of this many equal parts of its batches. The batches and, unless the
    schedule is ``plateau``, which counts looks, the weights at the end of an epoch do not depend on it; which weights
    are kept, and when training stops, does. Within an epoch some rows have been trained on once more than others, which
    can make such looks worse than those at the ends of epochs: let ``patience`` and ``schedule_patience`` span whole
    epochs."""
    patience: int = Field(3, ge=1, le=100_000)
    """Looks without a better watched value before training stops; the weights of the best look are kept. With one look
    per epoch, it counts epochs."""
    probe_every: int = Field(0, ge=0, le=100_000)
    """Steps between two probes of how the parts that a method adds to the loss pull the shared weights, beside the task
    (``training/probe.py``): the record has their means. 0: none. A probe costs one more backward pass for the task and
    one for each part; it changes nothing in the training."""
    watch: str = "auc"
    """The validation metric that stops training: ``METRIC`` of the main task, ``TASK.METRIC``, where the task may be a
    derived one, or ``mean.METRIC``, the mean over the trained tasks. Logloss is lowest long before AUC is highest on
    sampled negatives."""

    models: int = Field(1, ge=1, le=1000)
    """Models that a run trains, one after another, each with a seed of its own; the run predicts the mean of their
    probabilities of each trained task, from which those of derived tasks follow. Two plain models are a yardstick for a
    method: what is gained by training more, without any idea. The first model is that of a run with one; every other
    one's seed follows from the run's."""

    @property
    def most_looks(self) -> int:
        """Looks of a model whose training is not stopped early."""
        return self.epochs * self.looks

    @property
    def takes_gradients_apart(self) -> bool:
        """Whether some step asks for the gradients of the loss's terms, and not for their sum alone."""
        return self.probe_every > 0 or self.balance in get_args(BalanceOfGradients)

    def check_balance(self, tasks: Collection[str]) -> None:
        """Checks that the balance has something to weigh.

        Raises:
            CtrbenchError: a balance of the losses with a single trained task.
        """
        if self.balance in get_args(BalanceOfLosses) and len(tasks) < 2:
            raise CtrbenchError(
                f"training.balance {self.balance}: weighs tasks against each other, and data.tasks has only "
                f"{', '.join(tasks)}; train a second task, or set training.balance to sum"
            )

    @model_validator(mode="after")
    def _balance_finds_the_weights(self) -> Self:
        if self.task_weights and self.balance in SCALE_FREE:
            raise ValueError(
                f'balance = "{self.balance}" finds the weights of the tasks, whatever factors their losses have: drop '
                'task_weights, or set balance to "sum", "pcgrad" or "aligned-mtl"'
            )
        return self

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
