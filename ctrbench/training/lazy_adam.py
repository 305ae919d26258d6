"""Adam on embedding tables that works on the rows of a batch alone, with the result of Adam on whole tables.

Dense Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) moves every row in every step, also rows without a gradient:
their moments decay and their weights go on in the old direction. Here a row that is looked up, or the whole table
before anything else reads it, first *catches up* the steps that it has missed. With moments m and v after step p, and
r = beta1 / sqrt(beta2), step s moves the weight by

    rate_s * sqrt(1 - beta2^s) / (1 - beta1^s) * r^(s - p) * m / (sqrt(v) + epsilon * sqrt(1 - beta2^p)),

which is dense Adam but for epsilon, whose share would grow with s. The factors before m depend on p and s alone, so
that their sums are kept per p and a row catches up any number of steps at once. After ``REMEMBERED`` steps r^(s - p)
is below 1e-23 and the sum is complete.

Decoupled L2 (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2) shrinks the weight by ``1 - rate_s * decay`` in
every step, whose products are kept likewise. Coupled L2 has no such form: it gives every row a gradient in every step.

Shape:
    table (V, ...); rows (M,) different ids; S steps since all rows were last up to date.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ctrbench.backbones.base import EmbeddingTable
from ctrbench.training.table_adam import BETAS, EPSILON, TableAdam, decay_of

REMEMBERED = 512
"""Steps after which a gradient moves its row no further."""


class MissedSteps:
    """What a row that is not looked up goes through: its motion and shrinking, as sums over the steps since S = 0."""

    def __init__(self, decay: float, device: torch.device) -> None:
        self.decay, self.device = decay, device
        first, second = BETAS
        ages = torch.arange(REMEMBERED, 0, -1, dtype=torch.float64, device=device)
        self.powers = (first / second**0.5) ** ages
        """r^(s - p) of the last steps p, the earliest first."""
        self.restart(0)

    def restart(self, before: int) -> None:
        """Sets S to 0, where all rows are up to date after ``before`` steps."""
        self.before, self.steps = before, 0
        self.motion = torch.zeros(1024, dtype=torch.float64, device=self.device)
        """Per p, the sum of the factors so far, over what is kept of a weight from p to each step."""
        self.log_kept = torch.zeros_like(self.motion)
        """Per p, the logarithm of what shrinking keeps of a weight from S = 0 to p."""

    def record(self, rate: float) -> None:
        """Counts a step at a learning rate."""
        if self.steps + 1 == len(self.motion):
            self.motion = torch.cat([self.motion, torch.zeros_like(self.motion)])
            self.log_kept = torch.cat([self.log_kept, torch.zeros_like(self.log_kept)])
        self.steps += 1
        first, second = BETAS
        number = self.before + self.steps
        factor = rate * (1 - second**number) ** 0.5 / (1 - first**number)
        recent = slice(max(0, self.steps - REMEMBERED), self.steps)
        powers = self.powers[REMEMBERED - (recent.stop - recent.start) :]
        if not self.decay:
            self.motion[recent].add_(powers, alpha=factor)
            return
        now = self.log_kept[self.steps]
        torch.log1p(now - rate * self.decay, out=now).add_(self.log_kept[self.steps - 1])
        kept = torch.exp(self.log_kept[recent] - now)
        self.motion[recent].addcmul_(powers, kept, value=factor)

    def catch_up(self, weight: Tensor, first: Tensor, second: Tensor, last: Tensor) -> None:
        """Moves weights and moments (M, ...) in place from step ``last`` (M,) of S to the latest step."""
        shape = (-1, *[1] * (weight.dim() - 1))
        age = (self.steps - last).to(torch.float64)
        # 1 in place of 0 before the first step, when both moments are 0.
        seen = (1 - BETAS[1] ** (self.before + last).to(torch.float64)).sqrt().clamp(min=1 - BETAS[1])
        direction = first / (second.sqrt() + (EPSILON * seen).to(weight.dtype).view(shape))
        weight -= self.motion.index_select(0, last).to(weight.dtype).view(shape) * direction
        if self.decay:
            kept = torch.exp(self.log_kept[self.steps] - self.log_kept.index_select(0, last))
            weight *= kept.to(weight.dtype).view(shape)
        first *= (BETAS[0] ** age).to(weight.dtype).view(shape)
        second *= (BETAS[1] ** age).to(weight.dtype).view(shape)


class LazyAdam(TableAdam["_Rows"]):
    """See the module's docstring. It takes sparse gradients."""

    def __init__(self, tables: Sequence[EmbeddingTable], decay: float = 0.0, shrunk: Sequence[Tensor] = ()) -> None:
        """Makes each table bring the rows that a look-up needs up to date.

        Args:
            tables: the tables, at least one.
            decay: weight of decoupled L2.
            shrunk: the weights that it acts on; the other tables have none.
        """
        decays = decay_of(tables, decay, shrunk)
        self.missed = {each: MissedSteps(each, tables[0].weight.device) for each in set(decays)}
        super().__init__([_Rows(table, self.missed[own]) for table, own in zip(tables, decays, strict=True)])

    def step(self, rate: float) -> float:
        """As :meth:`TableAdam.step`; the penalty is 0, since coupled L2 has no lazy form."""
        self.steps += 1
        for rows in self.tables:
            rows.step(self.steps, rate)
        for missed in self.missed.values():
            missed.record(rate)
        return 0.0

    def flush(self) -> None:
        """As :meth:`TableAdam.flush`."""
        for rows in self.tables:
            rows.flush()
        for missed in self.missed.values():
            missed.restart(self.steps)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what :meth:`state` returned."""
        super().restore(state)
        for missed in self.missed.values():
            missed.restart(self.steps)


class _Rows:
    """One table, its moments (V, ...), and the step of S after which each row (V,) is up to date."""

    def __init__(self, table: EmbeddingTable, missed: MissedSteps) -> None:
        weight = table.weight.detach()
        self.table, self.missed = table, missed
        self.first, self.second = torch.zeros_like(weight), torch.zeros_like(weight)
        self.last = torch.zeros(len(weight), dtype=torch.long, device=weight.device)
        table.before_look_up = self.catch_up

    @torch.no_grad()
    def catch_up(self, ids: Tensor) -> None:
        """Brings the rows of some ids, of any shape and with repetitions, up to date."""
        if self.missed.steps:
            self._catch_up(torch.unique(ids).long())

    def _catch_up(self, rows: Tensor) -> None:
        weight = self.table.weight.detach()
        last = self.last.index_select(0, rows)
        stored = weight, self.first, self.second
        moved, first, second = (tensor.index_select(0, rows) for tensor in stored)
        self.missed.catch_up(moved, first, second, last)
        for tensor, values in zip(stored, (moved, first, second), strict=True):
            tensor.index_copy_(0, rows, values)
        self.last.index_fill_(0, rows, self.missed.steps)

    @torch.no_grad()
    def step(self, number: int, rate: float) -> None:
        """Adam's step, the ``number``-th of the run, on the rows with a gradient."""
        weight, gradient = self.table.weight.detach(), self.table.weight.grad
        if gradient is None:
            return
        assert gradient.is_sparse, "a table is used otherwise than by look_up"
        self.table.weight.grad = None
        gradient = gradient.coalesce()
        rows, values = gradient.indices()[0], gradient.values()
        first = self.first.index_select(0, rows).lerp_(values, 1 - BETAS[0])
        second = self.second.index_select(0, rows).mul_(BETAS[1]).addcmul_(values, values, value=1 - BETAS[1])
        size, root = rate / (1 - BETAS[0] ** number), (1 - BETAS[1] ** number) ** 0.5
        moved = weight.index_select(0, rows).mul_(1 - rate * self.missed.decay)
        moved.addcdiv_(first, (second.sqrt() / root).add_(EPSILON), value=-size)
        for tensor, values in ((weight, moved), (self.first, first), (self.second, second)):
            tensor.index_copy_(0, rows, values)
        self.last.index_fill_(0, rows, self.missed.steps + 1)

    @torch.no_grad()
    def flush(self) -> None:
        """Brings all rows up to date, a share of the table at a time, so that no copy of it is made."""
        for rows in torch.arange(len(self.last), device=self.last.device).split(1 << 16):
            self._catch_up(rows)
        self.last.zero_()
