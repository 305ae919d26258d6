"""C2AL: two more labels, each of which is the click of one cohort alone.

Source: Cokbas et al., C2AL: Cohort-Contrastive Auxiliary Learning for Large-scale Recommendation Systems, arXiv
2510.02215, stage 2. With head and tail two cohorts, ``y_head = y * 1[x in head]`` and ``y_tail = y * 1[x in tail]``;
two small heads on the shared representation predict them on all rows, and ``L = L_C + l_head BCE(y_head) + l_tail
BCE(y_tail)``. A positive of neither cohort has the labels (1, 0, 0): that is the conflict. The paper gives neither the
heads nor the weights: here a head is one linear layer, and the weights are searched. Nothing of it remains at
prediction. Stage 1, which finds the cohorts, is :mod:`ctrbench.cohorts`.

``labels`` makes controls that tell what a gain comes from: ``again``, two heads that predict y itself; ``membership``,
two heads that predict the cohorts; ``reweighted``, no heads, but more weight on the positives of the cohorts. So does
``pair``: the least divergent cohorts, or random ones, in place of the most divergent.

Shape:
    B rows, C cohort columns, H size of h.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.cohort_rule import Rule, columns_of_rules, read_rule
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods.base import Context, Loss, Method, MethodSettings, mean_logloss, mean_over_observed

HEADS = ("head", "tail")


class C2ALSettings(MethodSettings):
    """Settings of C2AL."""

    axis: str = ""
    """The axis on which head and tail were found: a recipe's file of cohorts has them by dataset, axis and ``pair``."""
    pair: Literal["divergent", "least", "random"] = "divergent"
    """Which two cohorts of the axis: the most divergent, as in the paper; as controls the least divergent, or two
    random sets of users, items or rows with as many rows as the most divergent."""
    head: tuple[str, ...] = ()
    """The rule of the head cohort (:mod:`ctrbench.data.cohort_rule`), from the recipe's file of cohorts."""
    tail: tuple[str, ...] = ()
    """The rule of the tail cohort."""
    found_on: str = ""
    """Fingerprint of the data on which they were found; other data are refused. Empty: cohorts given by hand."""
    head_weight: float = Field(0.1, ge=0)
    """l_head; 0 leaves the tail's label alone."""
    tail_weight: float = Field(0.1, ge=0)
    """l_tail; 0 leaves the head's label alone."""
    labels: Literal["conflict", "again", "membership", "reweighted"] = "conflict"
    """``conflict``: the paper's; the others are controls (see the module's docstring)."""


class C2AL(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = C2ALSettings
    paper = "C2AL: Cohort-Contrastive Auxiliary Learning for Large-scale Recommendation Systems"
    source = "Cokbas et al., arXiv 2510.02215"

    def __init__(self, backbone: Backbone, context: Context, settings: C2ALSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        self.rules: tuple[Rule, ...] = tuple(
            read_rule(texts, context.manifest) for texts in (settings.head, settings.tail)
        )
        self.columns = [cohort.name for cohort in context.cohorts]
        size = 0 if settings.labels == "reweighted" else len(HEADS)
        self.auxiliary = nn.Linear(backbone.representation_size, size) if size else None

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,  # noqa: ARG003
        settings: MethodSettings,
        manifest: Manifest | None,
    ) -> str | None:
        """Two different cohorts are needed.

        Raises:
            CtrbenchError: the dataset has no such column or group, or the cohorts were found on other data.
        """
        assert isinstance(settings, C2ALSettings)
        if not (settings.head and settings.tail):
            if not settings.axis:
                return "c2al needs an axis and a file of its cohorts: set method.axis, run ctrbench cohorts"
            return f"the recipe's files of cohorts have none of axis {settings.axis!r} of this dataset"
        if manifest:
            rules = [read_rule(texts, manifest) for texts in (settings.head, settings.tail)]
            if settings.found_on not in ("", manifest.fingerprint_with(cls.cohorts(settings))):
                command = f"ctrbench cohorts {manifest.name} --axis '{settings.axis}'"
                raise CtrbenchError(
                    f"{manifest.name}: the cohorts of axis {settings.axis!r} were found on other data; run: {command}"
                )
            if rules[0] == rules[1]:
                return "head and tail of c2al are the same cohort"
        return None

    @classmethod
    def cohorts(cls, settings: MethodSettings) -> tuple[str, ...]:
        """The columns of head and tail."""
        assert isinstance(settings, C2ALSettings)
        return columns_of_rules(settings.head, settings.tail)

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """L_C + l_head L_head + l_tail L_tail; the labels are those of the first task, on the rows that have it."""
        h = backbone.interact(embedded)
        scored = backbone.score(h, embedded)
        loss = self.task_loss(scored, batch)
        observed = None if batch.observed is None else batch.observed[:, :1].expand(-1, len(HEADS))
        if self.auxiliary is None:
            parts = _mean_of_positives(scored.logits[:, :1], self._labels(batch), observed)
        else:
            parts = mean_logloss(self.auxiliary(h), self._labels(batch), observed)
        weights = self.settings.head_weight, self.settings.tail_weight
        for name, part, weight in zip(HEADS, parts, weights, strict=True):
            loss = loss.plus(name, part, weight)
        return loss

    def _labels(self, batch: Batch) -> Tensor:
        """(B, 2)"""
        click = batch.labels[:, :1]
        if self.settings.labels == "again":
            return click.expand(-1, len(HEADS))
        member = torch.stack([self._members(rule, batch) for rule in self.rules], 1).to(click.dtype)
        return member if self.settings.labels == "membership" else click * member

    def _members(self, rule: Rule, batch: Batch) -> Tensor:
        """Whether each row (B,) belongs to a cohort."""
        assert batch.cohorts is not None
        inside = torch.ones(len(batch.labels), dtype=torch.bool, device=batch.labels.device)
        for condition in rule:
            code = batch.cohorts[:, self.columns.index(condition.column)]
            inside = inside & (code >= condition.least) & (code <= condition.most)
        return inside


def _mean_of_positives(logit: Tensor, labels: Tensor, observed: Tensor | None) -> tuple[Tensor, ...]:
    """Per column of ``labels`` (B, 2), the logloss of its positives, over the number of all observed rows: what a
    larger weight on them adds to the mean logloss."""
    return mean_over_observed(functional.softplus(-logit) * labels, observed)
