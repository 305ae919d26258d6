"""Balances of the losses: a weight for each task, from the values of the losses alone.

Sources: ``uncertainty`` is Kendall et al., Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
Semantics, CVPR 2018, by torchjd, started as in LibMTL. ``ema`` is our reading of Lakkapragada et al., Mitigating
Negative Transfer in Multi-Task Learning with Exponential Moving Average Loss Weighting Strategies, arXiv 2211.12999, of
which we know only the abstract: "scaling by the exponential moving average".

Shape:
    T tasks: losses (T,) -> what is minimised, a scalar.
"""

import torch
from torch import Tensor, nn

from ctrbench.methods.base import Loss
from ctrbench.training.balance.base import Balancer, reweighted

FIRST_LOG_VARIANCE = -0.5
"""Where LibMTL starts s; torchjd starts it at 0."""


class LossBalancer(Balancer):
    """Replaces the sum of the tasks' losses by another scalar function of them.

    What a method adds to the loss, and penalties, keep their weights. Costs a few operations on T numbers; nothing
    waits for the device.
    """

    def __init__(self, scalarizer: nn.Module) -> None:
        """``scalarizer``: losses (T,) -> a scalar."""
        super().__init__()
        self.scalarizer = scalarizer

    def backward(self, total: Tensor, loss: Loss, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """One backward pass through the model; a task's weight is the scalar's derivative by the task's loss."""
        losses = torch.stack([*loss.primary.values()]).detach().requires_grad_()
        # Fills the gradients of what the scalarizer learns, too.
        self.scalarizer(losses).backward()
        weights = losses.grad
        assert weights is not None
        reweighted(total, [*loss.primary.values()], weights).backward()
        return dict(zip(loss.primary, weights, strict=True))


def uncertainty(tasks: int) -> nn.Module:
    """sum_k L_k / (2 e^s_k) + s_k / 2, with one learnt log-variance s_k for each task."""
    from torchjd.scalarization import UW  # noqa: PLC0415 - plain training does without it

    scalarizer = UW(tasks)
    nn.init.constant_(scalarizer.log_var, FIRST_LOG_VARIANCE)
    return scalarizer


class MovingAverages(nn.Module):
    """sum_k L_k / EMA(L_k), where no gradient reaches the averages.

    An average includes the current batch and weighs the batches before by powers of ``decay``; the weights add up to 1
    from the first batch on. A batch without a row of a task, whose loss is 0, does not count for that task.
    """

    total: Tensor
    """(T,) sum of the weighted losses."""
    weight: Tensor
    """(T,) sum of the weights."""

    def __init__(self, tasks: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("total", torch.zeros(tasks))
        self.register_buffer("weight", torch.zeros(tasks))

    def forward(self, losses: Tensor) -> Tensor:
        """(T,) -> scalar; updates the averages."""
        values = losses.detach()
        counted = values > 0
        self.total = torch.where(counted, self.decay * self.total + (1 - self.decay) * values, self.total)
        self.weight = torch.where(counted, self.decay * self.weight + (1 - self.decay), self.weight)
        return (losses * self.weight / self.total.clamp(min=torch.finfo(values.dtype).tiny)).sum()
