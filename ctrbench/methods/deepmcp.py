"""DeepMCP: the embeddings must also match users to items, and items to the items clicked near them.

Source: Ouyang et al., Representation Learning-Assisted Click-Through Rate Prediction, IJCAI 2019, arXiv 1906.04365,
equations of its matching and correlation subnets; the backbone is the prediction subnet. What the paper or a backbone
leaves open:

- The user's side holds the user fields and the mean of the click history, a multi-valued user field; the item's side
  the item fields. Row fields belong to neither.
- A tower's widths are multiples of D. The official code makes its towers as wide as its prediction network, 512-256;
  4 D and 2 D do the same for the default D = 32 and its 128-64.
- The correlation takes the rows that are clicks and have a history. Each step draws one of a row's last ``window``
  clicks as its context, as the official data hold one for each target; later clicks are never looked at.

Shape:
    B rows, D embedding size, G item fields, K negatives, 2 D size of a tower's output by default.
"""

from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, Embedded, check_sizes
from ctrbench.backbones.layers import segment_mean
from ctrbench.data.batch import Batch
from ctrbench.data.negatives import ItemSampler
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, Method, MethodSettings, clicks_are_seen, mean_logloss
from ctrbench.methods.negative_sampling import draws, hits, mean_of, negative_sampling_loss


class DeepMCPSettings(MethodSettings):
    """Settings of DeepMCP."""

    matching_weight: float = Field(5.0, ge=0)
    """alpha, weight of the matching loss; the official code's value."""
    correlation_weight: float = Field(0.01, ge=0)
    """beta, weight of the correlation loss; the official code's value."""
    tower: Annotated[tuple[int, int], AfterValidator(check_sizes)] = (4, 2)
    """Widths of a tower's two layers, in multiples of the embedding size."""
    negatives: int = Field(4, ge=1)
    """K, negatives for each pair of target and context; the official code's value."""
    window: int = Field(5, ge=1)
    """How many of the latest clicks are near a target; word2vec's value, as the official data do not state one."""
    exponent: float = Field(0.75, ge=0)
    """Exponent of popularity for drawing negatives; word2vec's value, as the official data contain their negatives."""


class Tower(nn.Sequential):
    """(..., size) -> (..., widths[1]), ReLU then tanh."""

    def __init__(self, size: int, widths: tuple[int, int]) -> None:
        first, second = widths
        super().__init__(nn.Linear(size, first), nn.ReLU(), nn.Linear(first, second), nn.Tanh())


class DeepMCP(Method):
    """See the module's docstring."""

    user_side: Tensor
    item_side: Tensor
    Settings: ClassVar[type[MethodSettings]] = DeepMCPSettings
    paper = "Representation Learning-Assisted Click-Through Rate Prediction"
    source = "Ouyang et al., IJCAI 2019, arXiv 1906.04365 (AQCL's baseline)"

    def __init__(self, backbone: Backbone, context: Context, settings: DeepMCPSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        self.items = context.items
        self.sampler = ItemSampler(context.items.popularity, settings.exponent)
        inputs, size = backbone.inputs, backbone.embedding_size
        user_side, item_side = inputs.of_source("user"), inputs.item_side
        self.register_buffer("user_side", torch.tensor(user_side, dtype=torch.int64), persistent=False)
        self.register_buffer("item_side", torch.tensor(item_side), persistent=False)
        self.item_in_history = inputs.item_in_history
        first, second = settings.tower
        widths = (first * size, second * size)
        self.user_tower = Tower((len(user_side) + len(item_side)) * size, widths)
        self.item_tower = Tower(len(item_side) * size, widths)
        self.shared_tower = Tower(len(item_side) * size, widths)

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,
    ) -> str | None:
        """The correlation loss needs earlier clicks."""
        return None if clicks_are_seen(1, data, manifest) else "it needs click histories, and a row here has none"

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C + alpha L_matching + beta L_correlation."""
        settings = self.settings
        of_tasks = self.task_loss(backbone.score(backbone.interact(embedded), embedded), batch)
        target = embedded.fields.index_select(1, self.item_side).flatten(1)
        matching = self.matching(batch, embedded, target)
        correlation = self.correlation(backbone, batch, embedded, target, generator)
        loss = of_tasks.plus("matching", matching, settings.matching_weight)
        return loss.plus("correlation", correlation, settings.correlation_weight)

    def matching(self, batch: Batch, embedded: Embedded, target: Tensor) -> Tensor:
        """Logloss of <v_u, v_a> against the main task's label; target (B, G * D)."""
        history = segment_mean(embedded.history, embedded.owners, embedded.offsets)
        user = torch.cat([embedded.fields.index_select(1, self.user_side), history], 1).flatten(1)
        product = (self.user_tower(user) * self.item_tower(target)).sum(1, keepdim=True)
        observed = None if batch.observed is None else batch.observed[:, :1]
        return mean_logloss(product, batch.labels[:, :1], observed)[0]

    def correlation(
        self, backbone: Backbone, batch: Batch, embedded: Embedded, target: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Skip-gram with negative sampling, mean over the main task's positives that have a history."""
        if len(batch.history) == 0:
            return target.new_zeros(())
        place = nearby(batch.offsets, self.settings.window, generator)
        drawn = self.sampler.draw(draws(len(target), self.settings.negatives), generator)
        context = embedded.history.index_select(0, place).flatten(1)
        pool = backbone.embed_items(self.items.columns.index_select(0, drawn)).flatten(1)
        sizes = [len(target), len(context), len(pool)]
        of_target, of_context, of_drawn = self.shared_tower(torch.cat([target, context, pool])).split(sizes)
        clicked = batch.history.select(1, self.item_in_history).index_select(0, place)
        losses = negative_sampling_loss(of_target, of_context, of_drawn, hits(clicked, drawn))
        return mean_of(losses, batch.labels.select(1, 0) * (batch.offsets.diff() > 0))


def nearby(offsets: Tensor, window: int, generator: torch.Generator) -> Tensor:
    """For each row the position (B,) of one of its last ``window`` clicks; for a row without clicks any position."""
    near = offsets.diff().clamp(max=window)
    back = (torch.rand(len(near), generator=generator, device=near.device) * near).long()
    # float32 may round a product up to ``near`` itself.
    back = torch.minimum(back, near - 1).clamp(min=0)
    return (offsets[1:] - 1 - back).clamp(min=0)
