"""ESMM: a click and, after a click, a conversion are predicted, and their product is trained over all rows.

Source: Ma et al., Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click Conversion Rate, SIGIR
2018, equations 1 to 3: pCTCVR = pCTR * pCVR. The tasks are those of a funnel, in its order, each over all rows: the
logit of a task is that of the product of its tower's probability and of all towers before it.

Shape:
    h (B, H) of the bottom -> T towers -> logits (B, T) of the products.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ctrbench.backbones.base import BackboneSettings, Embedded
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask
from ctrbench.backbones.multitask.towers import Towers
from ctrbench.data import funnel
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings


class ESMMSettings(BottomSettings):
    """Settings of ESMM."""


class ESMM(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = ESMMSettings
    paper = "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click Conversion Rate"
    source = "Ma et al., SIGIR 2018, arXiv 1804.07931"

    @classmethod
    def refuses(cls, settings: BackboneSettings, data: DataSettings, manifest: Manifest | None) -> str | None:  # noqa: ARG003
        """A product over all rows is no rate after a click."""
        return funnel.refusal(data, manifest)

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """The towers."""
        return Towers(size, settings.tower, tasks, settings.dropout)

    def predict(self, h: Tensor, embedded: Embedded) -> Tensor:
        """Logits (B, T) of the products."""
        return logits_of_products(super().predict(h, embedded))


def logits_of_products(logits: Tensor) -> Tensor:
    """Logits (B, T) of the products of the first 1, 2, ..., T probabilities, given the logits (B, T) of each.

    It never leaves log space: 1 - p q = (1 - p) + p (1 - q), so that neither a rare nor a sure product loses digits.
    """
    first, *others = logits.unbind(1)
    found, log_p, log_not = [first], logsigmoid(first), logsigmoid(-first)
    for logit in others:
        log_not = torch.logaddexp(log_not, log_p + logsigmoid(-logit))
        log_p = log_p + logsigmoid(logit)
        found.append(log_p - log_not)
    return torch.stack(found, 1)
