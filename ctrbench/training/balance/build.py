"""The balancer of a run."""

from collections.abc import Callable

from torch import nn

from ctrbench.backbones.base import Backbone
from ctrbench.methods.base import Method
from ctrbench.training.balance.base import Balancer, Sum
from ctrbench.training.balance.gradients import GradientBalancer
from ctrbench.training.balance.losses import LossBalancer, MovingAverages, uncertainty
from ctrbench.training.balance.nash import nash
from ctrbench.training.balance.weightings import Weighting, aligned_mtl, imtl_g, pcgrad
from ctrbench.training.settings import BalanceOfGradients, BalanceOfLosses, TrainingSettings

OF_LOSSES: dict[BalanceOfLosses, Callable[[int, TrainingSettings], nn.Module]] = {
    "uncertainty": lambda tasks, _: uncertainty(tasks),
    "ema": lambda tasks, settings: MovingAverages(tasks, settings.ema_decay),
}
"""Name -> the scalar function of the losses of a number of tasks."""
OF_GRADIENTS: dict[BalanceOfGradients, Callable[[], Weighting]] = {
    "pcgrad": pcgrad,
    "nash": lambda: nash,
    "imtl-g": imtl_g,
    "aligned-mtl": aligned_mtl,
}
"""Name -> the rule by which gradients are weighed."""


def build_balancer(settings: TrainingSettings, backbone: Backbone, method: Method) -> Balancer:
    """The balancer that ``training.balance`` names, on the CPU."""
    name = settings.balance
    if name in OF_LOSSES:
        return LossBalancer(OF_LOSSES[name](backbone.tasks, settings))
    if name in OF_GRADIENTS:
        return GradientBalancer(OF_GRADIENTS[name](), backbone, method)
    return Sum()
