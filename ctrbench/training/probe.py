"""Do the parts that a method adds to the loss pull the shared weights where the task pulls them, or elsewhere?

For each part, the gradient of its weighted term is split at the backbone's weights into the share along the gradient of
the task losses and the rest, as in the functional regularisation of C2AL (Cokbas et al., arXiv 2510.02215): a negative
cosine is a conflict, and the orthogonal rest regularises. Weights that a term does not reach count as 0.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ctrbench.methods.base import Loss
from ctrbench.training.gradients import gradients_of

ALL = "all"
"""The sum of all parts, where there are several."""
PRIMARY = "gradient of the task"


def probe(loss: Loss, weights: Sequence[Tensor]) -> dict[str, Tensor]:
    """Norm of the task's gradient, then each part's cosine to it, norm along it and norm across it: scalars by name.

    Costs a backward pass for the task and one for each part. Empty where the method adds nothing to the loss.
    """
    if not loss.terms:
        return {}
    gradients = {name: _gradient(term, weights) for name, term in loss.terms.items()}
    if len(gradients) > 1:
        gradients[ALL] = torch.stack(list(gradients.values())).sum(0)
    task = _gradient(torch.stack(list(loss.primary.values())).sum(), weights)
    # A gradient of 0 has a cosine of 0, not of NaN, which would look as if training had diverged.
    least = torch.finfo(task.dtype).tiny
    length = task.norm().clamp(min=least)
    found = {PRIMARY: length}
    for name, gradient in gradients.items():
        along = gradient @ task / length
        own = gradient.norm().clamp(min=least)
        found |= {
            f"cosine of {name}": along / own,
            f"{name} along": along,
            f"{name} across": (own.square() - along.square()).clamp(min=0).sqrt(),
        }
    return found


def _gradient(term: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The gradient of a term, as one vector."""
    found = zip(weights, gradients_of(term, weights), strict=True)
    return torch.cat(
        [(torch.zeros_like(weight) if gradient is None else gradient).flatten() for weight, gradient in found]
    )
