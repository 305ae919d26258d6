"""C2AL: two more labels, each of which is the click of one cohort alone.

Source: Cokbas et al., C2AL: Cohort-Contrastive Auxiliary Learning for Large-scale Recommendation Systems, arXiv
2510.02215, stage 2. With head and tail two cohorts of one column, ``y_head = y * 1[x in head]`` and ``y_tail = y * 1[x
in tail]``; two small heads on the shared representation predict them on all rows, and ``L = L_C + l_head BCE(y_head) +
l_tail BCE(y_tail)``. A positive of neither cohort has the labels (1, 0, 0): that is the conflict. The paper gives
neither the heads nor the weights: here a head is one linear layer, and the weights are searched. Nothing of it remains
at prediction.

``labels`` makes the controls that tell what a gain comes from: ``again``, two heads that predict y itself, and
``membership``, two heads that predict the cohorts.

Shape:
    B rows, H size of h.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, Method, MethodSettings, mean_logloss
from ctrbench.registry import unknown

HEADS = ("head", "tail")


class C2ALSettings(MethodSettings):
    """Settings of C2AL."""

    column: str = ""
    """The cohort column (axis) of head and tail. It must be given: no dataset has cohorts that fit all."""
    head: str = ""
    """Group of ``column``: the cohort with the higher ratio of positive labels."""
    tail: str = ""
    """Group of ``column``: the other of the two most divergent cohorts."""
    head_weight: float = Field(0.1, ge=0)
    """l_head; 0 leaves the tail's label alone."""
    tail_weight: float = Field(0.1, ge=0)
    """l_tail; 0 leaves the head's label alone."""
    labels: Literal["conflict", "again", "membership"] = "conflict"
    """``conflict``: the paper's; ``again`` and ``membership`` are controls (see the module's docstring)."""


class C2AL(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = C2ALSettings
    paper = "C2AL: Cohort-Contrastive Auxiliary Learning for Large-scale Recommendation Systems"
    source = "Cokbas et al., arXiv 2510.02215"
    codes: Tensor

    def __init__(self, backbone: Backbone, context: Context, settings: C2ALSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        groups = list(context.cohorts[0].values)
        codes = torch.tensor([groups.index(settings.head), groups.index(settings.tail)])
        self.register_buffer("codes", codes, persistent=False)
        self.auxiliary = nn.Linear(backbone.representation_size, len(HEADS))

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,  # noqa: ARG003
        settings: MethodSettings,
        manifest: Manifest | None,
    ) -> str | None:
        """Two cohorts of one column are needed.

        Raises:
            CtrbenchError: the column has no such group.
        """
        assert isinstance(settings, C2ALSettings)
        if not (settings.column and settings.head and settings.tail):
            return "c2al needs two cohorts: set method.column, method.head and method.tail"
        for cohort in manifest.cohorts if manifest else ():
            for group in (settings.head, settings.tail):
                if cohort.name == settings.column and group not in cohort.values:
                    raise unknown(f"group of cohort {cohort.name}", group, cohort.values)
        return "head and tail of c2al are the same cohort" if settings.head == settings.tail else None

    @classmethod
    def cohorts(cls, settings: MethodSettings) -> tuple[str, ...]:
        """The column of head and tail."""
        assert isinstance(settings, C2ALSettings)
        return (settings.column,) if settings.column else ()

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """L_C + l_head L_head + l_tail L_tail; the labels are those of the first task, on the rows that have it."""
        h = backbone.interact(embedded)
        loss = self.task_loss(backbone.predict(h, embedded), batch)
        observed = None if batch.observed is None else batch.observed[:, :1].expand(-1, len(HEADS))
        parts = mean_logloss(self.auxiliary(h), self._labels(batch), observed)
        for name, part, weight in zip(
            HEADS, parts, (self.settings.head_weight, self.settings.tail_weight), strict=True
        ):
            loss = loss.plus(name, part, weight)
        return loss

    def _labels(self, batch: Batch) -> Tensor:
        """(B, 2)"""
        click = batch.labels[:, :1]
        if self.settings.labels == "again":
            return click.expand(-1, len(HEADS))
        assert batch.cohorts is not None
        member = (batch.cohorts[:, :1] == self.codes).to(click.dtype)
        return member if self.settings.labels == "membership" else click * member
