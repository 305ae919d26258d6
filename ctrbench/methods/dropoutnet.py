"""DropoutNet: for random rows the user's or the item's ID is hidden, so that the rest must suffice as on cold start.

Source: Volkovs et al., DropoutNet: Addressing Cold Start in Recommender Systems, NIPS 2017, section 4.1; as AQCL's
baseline: on the backbone's ID embeddings, the loss unchanged. The other features of a user (fields, history) and of
an item (fields) stay, and so does a backbone's shallow part, which no method touches. Embeddings that stay are not
scaled up, as in the paper.

Shape:
    B rows, F fields, D embedding size.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.backbones.masks import kept
from ctrbench.data.batch import Batch
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, Method, MethodSettings


class DropoutNetSettings(MethodSettings):
    """Settings of DropoutNet; the two sides are drawn independently."""

    user_rate: float = Field(0.5, ge=0, lt=1)
    """Share of rows whose user ID is hidden."""
    item_rate: float = Field(0.5, ge=0, lt=1)
    """Share of rows whose target item's ID is hidden."""


class DropoutNet(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = DropoutNetSettings
    paper = "DropoutNet: Addressing Cold Start in Recommender Systems"
    source = "Volkovs et al., NIPS 2017, section 4.1 (AQCL's baseline)"

    def __init__(self, backbone: Backbone, context: Context, settings: DropoutNetSettings) -> None:
        super().__init__(backbone, context, settings)
        inputs = backbone.inputs
        self.rates = {inputs.column("user"): settings.user_rate, inputs.column("item"): settings.item_rate}

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,  # noqa: ARG003
    ) -> str | None:
        """The method needs the IDs of user and item among the inputs, since it hides them."""
        missing = [name for name in ("user", "item") if name not in data.fields]
        return f"it hides the IDs of users and items, and data.fields lacks {missing[0]!r}" if missing else None

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C of the rows with hidden IDs."""
        view = embedded.with_vectors(self.hide(embedded.fields, generator), embedded.history)
        return self.task_loss(backbone.score(backbone.interact(view), view), batch)

    def hide(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Field embeddings (B, F, D) with some rows' user and item zeroed."""
        mask = torch.ones_like(fields[:, :, :1])
        for column, rate in self.rates.items():
            mask[:, column] = kept(mask[:, column], rate, generator)
        return fields * mask
