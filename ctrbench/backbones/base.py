"""The contract of every backbone (AQCL section 3.1): embedding -> interaction -> representation h -> prediction.

Shape:
    B rows, F fields, G item fields, N history positions, D embedding size, H size of h, T tasks.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.kernels import Fusable
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.strict import Strict


@dataclass(frozen=True)
class Embedded:
    """A batch after the embedding layer; augmentations act on it, so every method works with every backbone."""

    fields: Tensor
    """(B, F, D)"""
    look_up_history: Callable[[], Tensor]
    """Looks the history up when it is first asked for: a backbone that pools it may never need it."""
    offsets: Tensor
    """(B + 1,) see :class:`Batch`."""
    owners: Tensor
    """(N,)"""
    shallow: Tensor | None = None
    """(B, T) logits of the shallow part (wide, FM), which methods leave unchanged."""
    pooled: Tensor | None = None
    """(B, F + G, D) fields and the mean of the history for each item field, where they were looked up together."""

    @classmethod
    def of(cls, batch: Batch, vectors: tuple[Tensor, Tensor], shallow: Tensor | None = None) -> Self:
        """The rows of a batch with the vectors of its fields and of its history."""
        fields, history = vectors
        return cls(fields, lambda: history, batch.offsets, batch.owners, shallow)

    @property
    def history(self) -> Tensor:
        """(N, G, D)"""
        return self.look_up_history()

    def with_vectors(self, fields: Tensor, history: Tensor) -> Self:
        """The same rows with other vectors."""
        return replace(self, fields=fields, look_up_history=lambda: history, pooled=None)

    def chunks(self, count: int) -> list[Self]:
        """The same rows with as many equal parts of their vectors, (..., D / count) each."""
        history = cache(lambda: self.history.chunk(count, 2))

        def part(place: int) -> Callable[[], Tensor]:
            return lambda: history()[place]

        fields = self.fields.chunk(count, 2)
        pooled = [None] * count if self.pooled is None else self.pooled.chunk(count, 2)
        return [
            replace(self, fields=own, look_up_history=part(place), pooled=together)
            for place, (own, together) in enumerate(zip(fields, pooled, strict=True))
        ]

    def beside_shallow(self, logits: Tensor) -> Tensor:
        """Logits (B, T) plus those of the shallow part, where there is one."""
        return logits if self.shallow is None else logits + self.shallow

    def squared_norm(self) -> Tensor:
        """Mean over rows of the squared norms of all embeddings that a row uses: ``training.penalty`` multiplies it."""
        return (self.fields.square().sum() + self.history.square().sum()) / len(self.fields)


@dataclass(frozen=True)
class Scored:
    """What a method trains on: the logits of a batch, and what the backbone's own paper trains beside them."""

    logits: Tensor
    """(B, T)"""
    auxiliary: tuple[Tensor, ...] = ()
    """Further logits (B, T) that are trained on the labels of the tasks and are not predictions."""
    auxiliary_weight: float = 1.0
    """Weight of their losses."""
    penalties: Mapping[str, Tensor] = field(default_factory=dict)
    """Weighted penalties by name, added to the loss: scalars."""


class BackboneSettings(Strict):
    """Base class of every backbone's settings."""


def check_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of layers themselves; a layer of no units would predict a constant.

    Raises:
        ValueError: one is below 1.
    """
    if any(size < 1 for size in sizes):
        raise ValueError("every layer has at least one unit")
    return sizes


class EmbeddingsSettings(BackboneSettings):
    """Settings of a backbone that embeds."""

    embedding_size: int = Field(32, ge=1)
    """D, the same for every field."""
    embedding_std: float = Field(0.01, gt=0)
    """Standard deviation of the initial embeddings."""


class DeepSettings(EmbeddingsSettings):
    """Settings of a backbone that embeds and has deep layers; AQCL leaves the sizes open (ours: 32 and 128-64)."""

    hidden: Annotated[tuple[int, ...], AfterValidator(check_sizes)] = Field((128, 64), min_length=1)
    """Sizes of the deep layers; the last one is H."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout rate after every deep layer."""


class EmbeddingTable(Fusable):
    """A table with one row per id, and the only way in which training looks rows up: their gradient is sparse.

    Fused, the optimiser runs Adam's step and L2 over the table as one loop.

    Shape:
        ``weight`` (V, ...); ids (...) -> (..., ...).
    """

    def __init__(self, weight: Tensor) -> None:
        """``weight`` is the start of training."""
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous())
        self.before_look_up: Callable[[Tensor], None] | None = None
        """Called with the ids before a look-up in training: an optimiser may bring their rows up to date."""
        self.gradient: Tensor | None = None
        """(V, ...) to which a fused backward pass adds the gradient of the table itself; None: it returns it."""

    def look_up(self, ids: Tensor) -> Tensor:
        """The rows of some ids."""
        if self.training and self.before_look_up:
            self.before_look_up(ids)
        return functional.embedding(ids, self.weight, sparse=True)

    def compile_loops(self) -> None:
        """As :meth:`Fusable.compile_loops`."""
        from ctrbench.backbones import table_loops  # noqa: PLC0415 - needs numba, an optional package

        table_loops.compile_for(self.weight.detach().numpy().dtype)


class Backbone(nn.Module, ABC):
    """Base class; a subclass sets ``Settings``, ``paper`` and ``source`` and defines the three steps."""

    Settings: ClassVar[type[BackboneSettings]] = BackboneSettings
    paper: ClassVar[str]
    """Title of the paper that describes the architecture."""
    source: ClassVar[str]
    """Authors, venue, address."""
    single_task: ClassVar[bool] = True
    """Whether the tasks share all but ``output``, so that it can serve as the bottom of a multi-task backbone."""
    representation_size: int
    """H"""
    embedding_size: int
    """D"""
    embedding_std: float
    """Standard deviation of the initial embeddings, also of those that a method adds."""
    output: nn.Module
    """The layer on top of h, (B, H) -> (B, T), that :meth:`predict` applies: towers can take its place."""

    def __init__(self, inputs: Inputs, settings: BackboneSettings, tasks: int = 1) -> None:  # noqa: ARG002
        super().__init__()
        self.inputs = inputs
        self.tasks = tasks

    @classmethod
    def refuses(cls, settings: BackboneSettings, data: DataSettings, manifest: Manifest | None) -> str | None:  # noqa: ARG003
        """Why this backbone, with its settings, cannot work with a run's section ``[data]`` or a dataset.

        None if it can. ``manifest`` is None where a report is made without the prepared data.
        """
        return None

    @property
    def heads(self) -> list[nn.Module]:
        """The parts of which each task has its own, or its own column of the weights: all else is shared by them."""
        return [self.output] if hasattr(self, "output") else []

    @abstractmethod
    def embed(self, batch: Batch) -> Embedded:
        """Looks up the embeddings of a batch."""

    @abstractmethod
    def embed_items(self, columns: Tensor) -> Tensor:
        """Embeddings (M, G, D) of any items, given their ids (M, G): the same vectors that a history holds."""

    @abstractmethod
    def interact(self, embedded: Embedded) -> Tensor:
        """The representation h (B, H)."""

    def predict(self, h: Tensor, embedded: Embedded) -> Tensor:
        """Logits (B, T): those of ``output``, plus the shallow ones."""
        return embedded.beside_shallow(self.output(h))

    def score(self, h: Tensor, embedded: Embedded) -> Scored:
        """What a method trains on, from the same h as :meth:`predict`."""
        return Scored(self.predict(h, embedded))

    def embedding_tables(self) -> list[Tensor]:
        """Every trained embedding table (V, ...), each once: ``training.embedding_l2`` pulls these weights to 0.

        These are the weights of all ``nn.Embedding``, ``nn.EmbeddingBag`` and :class:`EmbeddingTable`, and the tables
        of nested backbones. A backbone that looks ids up in a parameter of another kind adds it.
        """
        tables: dict[Tensor, None] = {}
        for module in self.modules():
            if isinstance(module, Backbone) and module is not self:
                tables |= dict.fromkeys(module.embedding_tables())
            elif isinstance(module, EmbeddingTable | nn.Embedding | nn.EmbeddingBag):
                tables[module.weight] = None
        return [table for table in tables if table.requires_grad]

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, T) of a batch."""
        embedded = self.embed(batch)
        return self.predict(self.interact(embedded), embedded)
