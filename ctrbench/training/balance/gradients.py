"""Balances of the gradients: a weighted sum of the terms' gradients, by their inner products, at the shared weights.

Shape:
    k terms of the loss: those of the tasks, and those that the method adds.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ctrbench.backbones.base import Backbone
from ctrbench.methods.base import Loss, Method
from ctrbench.training.balance.base import Balancer, reweighted
from ctrbench.training.balance.weightings import Weighting
from ctrbench.training.gradients import gradients_of


class GradientBalancer(Balancer):
    """Balances the terms where they share weights; a model that shares none has the gradient of the sum.

    The weights of the backbone below its output that several terms reach are shared: there the gradient is a weighted
    sum of the terms' gradients, whose weights follow from their inner products. All else, the output and the method's
    own parameters among it, has the gradient of the sum: a row of an output belongs to one task.
    """

    def __init__(self, weighting: Weighting, backbone: Backbone, method: Method) -> None:
        super().__init__()
        self.weighting = weighting
        trained = [weight for weight in (*backbone.parameters(), *method.parameters()) if weight.requires_grad]
        own = {id(weight) for module in (*backbone.heads, method) for weight in module.parameters()}
        self.shareable = [weight for weight in trained if id(weight) not in own]
        self.others = [weight for weight in trained if id(weight) in own]

    def backward(self, total: Tensor, loss: Loss, generator: torch.Generator) -> dict[str, Tensor]:
        """A backward pass for each term and two more; waits for the device. A loss of one term has one pass."""
        named = {**loss.primary, **loss.terms}
        terms = [*named.values()]
        several = len(terms) > 1 and self.shareable
        found = [gradients_of(term, self.shareable) for term in terms] if several else []
        counts = [sum(own[place] is not None for own in found) for place in range(len(self.shareable))]
        shared = [place for place, count in enumerate(counts) if count > 1]
        if not shared:
            total.backward()
            return {}
        weights = self.weighting(_gramian(found, shared), generator)
        balanced = reweighted(total, terms, weights)
        alone = [weight for weight, count in zip(self.shareable, counts, strict=True) if count < 2]
        torch.autograd.backward(total, inputs=[*self.others, *alone], retain_graph=True)
        torch.autograd.backward(balanced, inputs=[self.shareable[place] for place in shared])
        return dict(zip(named, weights, strict=True))


def _gramian(found: Sequence[Sequence[Tensor | None]], shared: Sequence[int]) -> Tensor:
    """Inner products (k, k) of the terms' gradients at the shared weights."""
    products = []
    for place in shared:
        own = [gradients[place] for gradients in found]
        like = next(gradient for gradient in own if gradient is not None)
        matrix = torch.stack([(torch.zeros_like(like) if each is None else each).flatten() for each in own])
        products.append(matrix @ matrix.t())
    return torch.stack(products).sum(0)
