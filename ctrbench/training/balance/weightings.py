"""The rules by which a balance of gradients weighs them, by torchjd: functions of their inner products.

Sources: ``pcgrad`` is Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, arXiv 2001.06782, algorithm 1;
``imtl-g`` is Liu et al., Towards Impartial Multi-task Learning, ICLR 2021; ``aligned-mtl`` is Senushkin et al.,
Independent Component Alignment for Multi-Task Learning, CVPR 2023, arXiv 2305.19000, algorithm 1.

Shape:
    k terms: inner products of their gradients (k, k) -> weights (k,).
"""

from collections.abc import Callable

import torch
from torch import Tensor

Weighting = Callable[[Tensor, torch.Generator], Tensor]
"""Inner products (k, k) and a source of random numbers -> weights (k,)."""


def pcgrad() -> Weighting:
    """Each gradient loses its parts along the others that it conflicts with, in a random order; their sum."""
    from torchjd.aggregation import PCGradWeighting  # noqa: PLC0415 - plain training does without it

    project = PCGradWeighting()

    def weigh(gramian: Tensor, generator: torch.Generator) -> Tensor:
        # torchjd draws from torch's default generator: dropout's stream is left as it was.
        with torch.random.fork_rng(devices=[]):
            drawn = torch.randint(2**31, (), generator=generator, device=generator.device)
            torch.default_generator.manual_seed(int(drawn))
            return project(gramian)

    return weigh


def imtl_g() -> Weighting:
    """The combination, with weights that add up to 1, whose component along every gradient is the same."""
    from torchjd.aggregation import IMTLGWeighting  # noqa: PLC0415

    weigh = IMTLGWeighting()
    return lambda gramian, _: weigh(gramian)


def aligned_mtl() -> Weighting:
    """The mean of the gradients after their principal components have been scaled to the length of the shortest."""
    from torchjd.aggregation import AlignedMTLWeighting  # noqa: PLC0415

    weigh = AlignedMTLWeighting()
    return lambda gramian, _: weigh(gramian)
