"""The backward pass of a loss of several terms: of their sum, or with their gradients balanced.

Source of ``pcgrad``: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, arXiv 2001.06782, algorithm 1,
by torchjd.

Shape:
    k terms of the loss: those of the tasks, and those that the method adds.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from ctrbench.backbones.base import Backbone
from ctrbench.methods.base import Loss, Method
from ctrbench.training.gradients import gradients_of

Balance = Literal["sum", "pcgrad"]


class Balancer:
    """Fills the gradients of all parameters of a run.

    The weights of the backbone below its output that several terms reach are shared: there the gradient is a weighted
    sum of the terms' gradients, whose weights follow from their inner products. All else, the output and the method's
    own parameters among it, has the gradient of the sum: a row of an output belongs to one task.
    """

    def __init__(self, balance: Balance, backbone: Backbone, method: Method) -> None:
        self.weighting = None if balance == "sum" else _pcgrad()
        trained = [weight for weight in (*backbone.parameters(), *method.parameters()) if weight.requires_grad]
        own = {id(weight) for module in (*backbone.heads, method) for weight in module.parameters()}
        self.shareable = [weight for weight in trained if id(weight) not in own]
        self.others = [weight for weight in trained if id(weight) in own]

    def backward(self, total: Tensor, loss: Loss, generator: torch.Generator) -> None:
        """Adds the gradients of ``total``, the loss with its penalties, to those of the parameters.

        With a balance, it costs a backward pass for each term and two more, and waits for the device.
        """
        terms = [*loss.primary.values(), *loss.terms.values()]
        if not self.weighting or len(terms) < 2:
            total.backward()
            return
        found = [gradients_of(term, self.shareable) for term in terms]
        counts = [sum(own[place] is not None for own in found) for place in range(len(self.shareable))]
        shared = [place for place, count in enumerate(counts) if count > 1]
        if not shared:
            total.backward()
            return
        # The order in which gradients are projected is drawn by ``generator``, and dropout's stream is left as it was.
        with torch.random.fork_rng(devices=[]):
            drawn = torch.randint(2**31, (), generator=generator, device=generator.device)
            torch.default_generator.manual_seed(int(drawn))
            weights = self.weighting(_gramian(found, shared))
        balanced = total + ((weights - 1) * torch.stack(terms)).sum()
        alone = [weight for weight, count in zip(self.shareable, counts, strict=True) if count < 2]
        torch.autograd.backward(total, inputs=[*self.others, *alone], retain_graph=True)
        torch.autograd.backward(balanced, inputs=[self.shareable[place] for place in shared])


def _gramian(found: Sequence[Sequence[Tensor | None]], shared: Sequence[int]) -> Tensor:
    """Inner products (k, k) of the terms' gradients at the shared weights."""
    products = []
    for place in shared:
        own = [gradients[place] for gradients in found]
        like = next(gradient for gradient in own if gradient is not None)
        matrix = torch.stack([(torch.zeros_like(like) if each is None else each).flatten() for each in own])
        products.append(matrix @ matrix.t())
    return torch.stack(products).sum(0)


def _pcgrad() -> Callable[[Tensor], Tensor]:
    from torchjd.aggregation import PCGradWeighting  # noqa: PLC0415 - plain training does without it

    return PCGradWeighting()
