"""PReLU with one slope: torch's own, whose backward pass on a CPU costs more than the layer's matrix product.

Source: He et al., Delving Deep into Rectifiers, ICCV 2015, equations 1 and 4.
"""

from typing import Any

import torch
from torch import Tensor, nn

aten = torch.ops.aten


class _Activation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return aten._prelu_kernel(x, slope)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        of_slope = torch.dot(grad.flatten(), x.clamp(max=0).flatten()).reshape(1)
        positive = aten.threshold_backward(grad, x, 0)
        return positive.lerp_(grad, slope), of_slope


class PReLU(nn.Module):
    """max(x, 0) + a min(x, 0) with one learned a, 0.25 at first."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.25]))

    def forward(self, x: Tensor) -> Tensor:
        """The activation, in the shape of ``x``."""
        return _Activation.apply(x, self.weight)  # type: ignore[no-untyped-call]
