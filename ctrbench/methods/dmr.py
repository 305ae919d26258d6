"""DMR's auxiliary match: what a user clicked last must follow from the clicks before.

Source: Lyu et al., Deep Match to Rank Model for Personalized Click-Through Rate Prediction, AAAI 2020, its auxiliary
match network; as AQCL's baseline: the loss alone, without the relevance features and without positions. So a click's
attention is z^T tanh(W e + b); a softmax over the history without its last click weighs the clicks' vectors; u = g of
their sum, g a linear layer with PReLU. Every item has a second vector, used when the item is the one to be predicted.

The official code draws 2,000 negatives for a batch by popularity and takes a sampled softmax over them, ln 2,001 = 7.6
at the start if all items were equally popular. The paper's loss is a sum over negatives, (1 + K) ln 2 at the start:
with K = 10 that is 7.6 too, so the weight 0.1 means about the same, and each row can have negatives of its own.

Shape:
    B rows, N history positions, G item fields, D embedding size, V items, K negatives; u (B, D); output table (V, D).
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, Embedded, EmbeddingTable
from ctrbench.backbones.layers import segment_sum
from ctrbench.data.batch import Batch
from ctrbench.data.negatives import ItemSampler
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, Method, MethodSettings, clicks_are_seen
from ctrbench.methods.negative_sampling import draws, hits, mean_of, negative_sampling_loss


class DMRSettings(MethodSettings):
    """Settings of DMR's auxiliary match."""

    weight: float = Field(0.1, ge=0)
    """beta, weight of the match loss; the paper's value."""
    negatives: int = Field(10, ge=1)
    """K, negatives for each row; see the module's docstring. The loss and the cost of a step grow with K."""
    exponent: float = Field(1.0, ge=0)
    """Exponent of popularity for drawing negatives; 1 is the unigram distribution of the official code."""
    attention: int = Field(36, ge=1)
    """Hidden units of the attention over clicks, as many as DIN's; the paper gives none."""


class DMR(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = DMRSettings
    paper = "Deep Match to Rank Model for Personalized Click-Through Rate Prediction"
    source = "Lyu et al., AAAI 2020, auxiliary match network (AQCL's baseline)"

    def __init__(self, backbone: Backbone, context: Context, settings: DMRSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        items = context.items
        self.sampler = ItemSampler(items.popularity, settings.exponent)
        self.item_in_history = backbone.inputs.item_in_history
        size = backbone.embedding_size
        click_size = size * len(backbone.inputs.item_side)
        self.attention = nn.Sequential(
            nn.Linear(click_size, settings.attention), nn.Tanh(), nn.Linear(settings.attention, 1, bias=False)
        )
        self.user = nn.Sequential(nn.Linear(click_size, size), nn.PReLU())
        self.output = EmbeddingTable(torch.randn(len(items.popularity), size) * backbone.embedding_std)

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,
    ) -> str | None:
        """A row needs a last click to predict, and a click before it."""
        enough = clicks_are_seen(2, data, manifest)
        return None if enough else "it predicts the last click from those before, and a row here has fewer than 2"

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C + beta L_match."""
        of_tasks = self.task_loss(backbone.score(backbone.interact(embedded), embedded), batch)
        match = self.match(batch, embedded, generator)
        return of_tasks.plus("match", match, self.settings.weight)

    def match(self, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Tensor:
        """Negative sampling of the last click, mean over the rows with at least 2 clicks."""
        if len(batch.history) == 0:
            return embedded.fields.new_zeros(())
        last = (batch.offsets[1:] - 1).clamp(min=0)
        clicked = batch.history.select(1, self.item_in_history).index_select(0, last)
        drawn = self.sampler.draw(draws(len(last), self.settings.negatives), generator)
        vectors = self.output.look_up(torch.cat([clicked, drawn]))
        observed, sampled = vectors.split([len(clicked), len(drawn)])
        user = self.user_before(embedded, last)
        losses = negative_sampling_loss(user, observed, sampled, hits(clicked, drawn))
        return mean_of(losses, batch.offsets.diff() > 1)

    def user_before(self, embedded: Embedded, last: Tensor) -> Tensor:
        """u_{T-1} (B, D), given the position (B,) of each row's last click."""
        owners, rows = embedded.owners, len(last)
        click = embedded.history.flatten(1)
        score = self.attention(click)
        # Taking off the row's largest score leaves the softmax as it is and keeps exp finite.
        largest = score.new_zeros(rows).scatter_reduce(0, owners, score.detach().squeeze(1), "amax", include_self=False)
        before = torch.arange(len(owners), device=owners.device) != last.index_select(0, owners)
        weight = (score - largest.index_select(0, owners).unsqueeze(1)).exp() * before.unsqueeze(1)
        total = segment_sum(weight, owners, rows).clamp(min=torch.finfo(weight.dtype).tiny)
        return self.user(segment_sum(weight * click, owners, rows) / total)
