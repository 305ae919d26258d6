"""Adam on whole embedding tables, each step one loop over a table: the arithmetic of torch's Adam and of table L2.

A step reads and writes weight, gradient and moments once. Torch's operations pass over them for the gradient of L2, for
the penalty, for the step and for clearing the gradient, and add a look-up's gradient row by row.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ctrbench.backbones.base import EmbeddingTable
from ctrbench.training.table_adam import BETAS, EPSILON, TableAdam, decay_of


class FusedAdam(TableAdam["_Table"]):
    """See the module's docstring: on the CPU, for gradients sparse and dense."""

    def __init__(self, tables: Sequence[EmbeddingTable], l2: float, penalised: Sequence[Tensor], form: str) -> None:
        """Makes moments and a gradient for each table.

        Args:
            tables: fused tables.
            l2: weight of L2.
            penalised: the weights that it acts on; the other tables have none.
            form: ``coupled`` or ``decoupled``.
        """
        weights = decay_of(tables, l2, penalised)
        pairs = [(weight, 0.0) if form == "coupled" else (0.0, weight) for weight in weights]
        super().__init__([_Table(table, *pair) for table, pair in zip(tables, pairs, strict=True)])

    def take_gradients(self) -> None:
        """Lets fused backward passes add to the tables' gradients here, so that they return none."""
        for table in self.tables:
            table.take_gradient()

    def step(self, rate: float) -> float:
        """As :meth:`TableAdam.step`."""
        self.steps += 1
        return sum(table.step(self.steps, rate) for table in self.tables)


class _Table:
    """One table with its gradient and moments (V, ...), which the loops see flat or as rows (V, K)."""

    def __init__(self, table: EmbeddingTable, coupled: float, decoupled: float) -> None:
        self.table, self.weight, self.coupled, self.decoupled = table, table.weight, coupled, decoupled
        stored = table.weight.detach()
        self.gradient, self.first, self.second = (torch.zeros_like(stored) for _ in range(3))
        self.rows = self.gradient.view(len(stored), -1).numpy()
        self.flat = [tensor.view(-1).numpy() for tensor in (stored, self.gradient, self.first, self.second)]

    def take_gradient(self) -> None:
        """As :meth:`FusedAdam.take_gradients`."""
        self.table.gradient = self.gradient

    def step(self, number: int, rate: float) -> float:
        """Adam's step, the ``number``-th of the run; returns the penalty."""
        from ctrbench.backbones import table_loops  # noqa: PLC0415 - needs numba, an optional package

        self.collect()
        size, root = rate / (1 - BETAS[0] ** number), (1 - BETAS[1] ** number) ** -0.5
        numbers = self.coupled, rate * self.decoupled, 1 - BETAS[0], 1 - BETAS[1], size, root, EPSILON
        weight, gradient, first, second = self.flat
        squares = table_loops.adam(weight, gradient, first, second, *map(self.rows.dtype.type, numbers))
        return self.coupled / 2 * float(squares)

    @torch.no_grad()
    def collect(self) -> None:
        """Adds the gradient that a backward pass left to the table's own."""
        from ctrbench.backbones import table_loops  # noqa: PLC0415

        found, self.weight.grad = self.weight.grad, None
        if found is None:
            return
        if not found.is_sparse:
            self.gradient.add_(found)
            return
        ids, values = found._indices()[0], found._values()  # uncoalesced: to sort them costs more
        table_loops.scatter_add(self.rows, ids.numpy(), values.reshape(-1, self.rows.shape[1]).contiguous().numpy())
