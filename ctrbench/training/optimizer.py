"""Adam on all parameters of a run: on the embedding tables densely or lazily, with either form of L2 over them.

Torch's Adam takes all parameters that no :class:`TableAdam` does. Their gradients live as long as they do and are
cleared in place, and the sparse gradient of a look-up is added to its table's, so that no step allocates a gradient of
the size of a table.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ctrbench.backbones.base import Backbone, EmbeddingTable
from ctrbench.methods.base import Method
from ctrbench.training.balance.base import Balancer
from ctrbench.training.checkpoint import below, under
from ctrbench.training.fused_adam import FusedAdam
from ctrbench.training.lazy_adam import LazyAdam
from ctrbench.training.settings import TrainingSettings
from ctrbench.training.table_adam import TableAdam
from ctrbench.training.table_l2 import TableL2


class Optimizer:
    """Owns the gradients: :meth:`clear`, a backward pass, :meth:`step`."""

    def __init__(self, backbone: Backbone, method: Method, balancer: Balancer, settings: TrainingSettings) -> None:
        tables, penalised = _tables(backbone, method), backbone.embedding_tables() if settings.embedding_l2 else []
        self.table_adam = _table_adam(tables, penalised, settings)
        own = {id(table.weight) for table in tables} if self.table_adam else set()
        rest = [weight for weight in penalised if id(weight) not in own]
        self.table_l2 = TableL2(settings.embedding_l2, rest) if rest else None
        self.decoupled = settings.embedding_l2_form == "decoupled"
        if isinstance(self.table_adam, FusedAdam) and not settings.takes_gradients_apart:
            self.table_adam.take_gradients()
        parameters = [*backbone.parameters(), *method.parameters(), *balancer.parameters()]
        dense = [parameter for parameter in parameters if id(parameter) not in own]
        self.adam = torch.optim.Adam(dense, lr=settings.learning_rate, fused=True)
        for parameter in dense:
            parameter.grad = torch.zeros_like(parameter)

    def clear(self) -> None:
        """Clears the gradients of all parameters."""
        self.adam.zero_grad(set_to_none=False)

    def step(self, rate: float) -> Tensor | float:
        """One step at a learning rate; returns the penalty that coupled L2 adds to the loss, a scalar on the device."""
        penalty: Tensor | float = 0.0
        if self.table_l2 and self.decoupled:
            self.table_l2.shrink(rate)
        elif self.table_l2:
            penalty = self.table_l2.add_gradient()
        if self.table_adam:
            penalty = penalty + self.table_adam.step(rate)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        return penalty

    def flush(self) -> None:
        """Brings the weights up to date: before anything but a training step reads them."""
        if self.table_adam:
            self.table_adam.flush()

    def state(self) -> dict[str, Tensor]:
        """Steps and moments, for a checkpoint; the caller has flushed."""
        moments = {
            f"{index}.{name}": value
            for index, moment in self.adam.state_dict()["state"].items()
            for name, value in moment.items()
        }
        return {**under("adam", moments), **under("tables", self.table_adam.state() if self.table_adam else {})}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what :meth:`state` returned."""
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in below("adam", state).items():
            index, moment = name.split(".")
            moments.setdefault(int(index), {})[moment] = tensor
        self.adam.load_state_dict({**self.adam.state_dict(), "state": moments})
        if self.table_adam:
            self.table_adam.restore(below("tables", state))


def _tables(*modules: torch.nn.Module) -> list[EmbeddingTable]:
    """The trained tables of some modules, each weight once."""
    parts = [part for module in modules for part in module.modules() if isinstance(part, EmbeddingTable)]
    return [*{id(table.weight): table for table in parts if table.weight.requires_grad}.values()]


def _table_adam(
    tables: Sequence[EmbeddingTable], penalised: Sequence[Tensor], settings: TrainingSettings
) -> TableAdam[Any] | None:
    """What trains the tables; None leaves them to torch's Adam."""
    if not tables:
        return None
    if settings.embedding_adam == "lazy":
        for table in tables:
            table.fused = False
        return LazyAdam(tables, settings.embedding_l2, penalised)
    if all(table.fused for table in tables):
        return FusedAdam(tables, settings.embedding_l2, penalised, settings.embedding_l2_form)
    return None
