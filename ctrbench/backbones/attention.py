"""What a layer that attends shows of itself: the weights that it attends with, and the parameters that they come from.

Any such layer of a backbone is found by its class and named by its place, such as ``layers.0.fm.attention``. AITM's
step, which weighs two vectors of which one is its own, is none of them.
"""

from collections.abc import Iterator

from torch import Tensor, nn


class Attention(nn.Module):
    """Base class of a layer that weighs its inputs by each other, or by learnt weights."""

    def attention(self, *inputs: Tensor) -> Tensor:
        """The weights (...) with which the layer attends, given the inputs of ``forward``: here its output."""
        # Not by a call, which would run the hooks that observe the layer.
        weights: Tensor = self.forward(*inputs)
        return weights

    def attention_parameters(self) -> Iterator[Tensor]:
        """The parameters that decide the weights, biases and slopes left out: here all matrices of the layer."""
        return (parameter for parameter in self.parameters() if parameter.dim() > 1)


def attention_layers(model: nn.Module) -> dict[str, Attention]:
    """The layers of a model that attend, by name, from the input on."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Attention)}
