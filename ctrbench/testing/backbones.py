"""What every backbone must do.

Shape:
    B rows, F fields, N history positions, G item fields, D embedding size, H size of h, T tasks.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.base import Backbone
from ctrbench.data.batch import Batch
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import DATA, FUNNEL, TWO_TASKS, start, without_gradient
from ctrbench.training.fit import train_epoch
from ctrbench.training.predict import predict

LOOK_UPS = ("Embedding", "EmbeddingBag", "IndexSelect", "Index", "Gather")
"""Operations that take rows of a tensor by id, as autograd names them."""


def looked_up(output: Tensor) -> set[Tensor]:
    """The parameters in which ids were looked up on the way to an output."""
    found: set[Tensor] = set()
    seen, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        before = [next_node for next_node, _ in node.next_functions]
        if node.name().removesuffix("Backward0") in LOOK_UPS:
            found |= {source.variable for source in before if source is not None and hasattr(source, "variable")}
        waiting += before
    return found


class BackboneContract:
    """A subclass names a registered backbone, and may name the settings to test it with."""

    backbone: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @pytest.fixture
    def feed(self) -> Feed:
        """Batches of ``small``."""
        return Feed(dataset("small"), DATA)

    @pytest.fixture
    def batch(self, feed: Feed) -> Batch:
        """64 validation rows."""
        return next(feed.batches(feed.split(Split.VALIDATION), 64))

    def make(self, feed: Feed, tasks: int = 1) -> Backbone:
        """The backbone with its initial weights, without dropout."""
        torch.manual_seed(0)
        chosen = BACKBONES.get(self.backbone)
        settings = chosen.Settings.read(dict(self.settings), f"backbones.{self.backbone}")
        return chosen(feed.inputs, settings, tasks).eval()

    def test_it_states_its_paper_and_its_source(self) -> None:
        chosen = BACKBONES.get(self.backbone)
        assert chosen.paper
        assert chosen.source
        assert chosen.__doc__
        chosen.Settings()
        with pytest.raises(CtrbenchError, match="unknown key 'no_such_setting'"):
            chosen.Settings.read({"no_such_setting": 1}, f"backbones.{self.backbone}")

    @pytest.mark.parametrize("tasks", [1, 2])
    def test_shapes(self, feed: Feed, batch: Batch, tasks: int) -> None:
        backbone = self.make(feed, tasks)
        embedded = backbone.embed(batch)
        size = backbone.embedding_size
        assert embedded.fields.shape == (64, len(feed.inputs.fields), size)
        assert embedded.history.shape == (int(batch.offsets[-1]), len(feed.inputs.item_side), size)
        h = backbone.interact(embedded)
        assert h.shape == (64, backbone.representation_size)
        assert backbone.predict(h, embedded).shape == (64, tasks)

    def test_items_alone_are_embedded_as_in_a_history(self, feed: Feed, batch: Batch) -> None:
        backbone = self.make(feed)
        assert torch.equal(backbone.embed_items(batch.history), backbone.embed(batch).history)

    def test_a_row_without_a_history_is_predicted(self, feed: Feed) -> None:
        examples = feed.epoch(0, 1)
        examples = examples[torch.nonzero(feed.prepared.rows["length"][examples.rows] == 0).squeeze(1)]
        assert len(examples) > 0
        assert torch.isfinite(self.make(feed)(next(feed.batches(examples, 64)))).all()

    def test_a_row_is_predicted_alike_in_any_company(self, feed: Feed, batch: Batch) -> None:
        backbone = self.make(feed)
        first = feed.split(Split.VALIDATION)[torch.arange(64)]
        alone = torch.cat([backbone(one) for one in feed.batches(first, 1)])
        torch.testing.assert_close(backbone(batch), alone, rtol=1e-5, atol=1e-6)

    def test_every_table_that_ids_are_looked_up_in_is_declared(self, feed: Feed, batch: Batch) -> None:
        backbone = self.make(feed)
        names: dict[Tensor, str] = {parameter: name for name, parameter in backbone.named_parameters()}
        declared = [names[table] for table in backbone.embedding_tables()]
        assert sorted(declared) == sorted(names[table] for table in looked_up(backbone(batch)))

    def test_the_history_matters(self, feed: Feed, batch: Batch) -> None:
        backbone = self.make(feed)
        embedded = backbone.embed(batch)
        # Larger than the initial weights, whose small products could be lost.
        some = embedded.with_vectors(embedded.fields * 100, embedded.history * 100)
        none = embedded.with_vectors(embedded.fields * 100, torch.zeros_like(embedded.history))
        assert not torch.allclose(backbone.interact(some), backbone.interact(none))

    def test_it_serves_as_the_bottom_of_a_multi_task_backbone(self) -> None:
        if not BACKBONES.get(self.backbone).single_task:
            pytest.skip("it is a multi-task backbone")
        settings = {"bottom": self.backbone, "bottom_settings": dict(self.settings)}
        run = start("shared-bottom", "plain", dataset("orders"), TWO_TASKS, backbone_settings=settings)
        assert not without_gradient(run)

    @pytest.mark.parametrize(
        ("name", "data"),
        [("small", DATA), ("orders", TWO_TASKS), ("orders", FUNNEL)],
        ids=["click", "conversion after a click", "both over all rows"],
    )
    def test_it_trains_every_parameter_and_is_saved(self, name: str, data: DataSettings) -> None:
        settings = self.settings
        run, fresh = (
            start(self.backbone, "plain", dataset(name), data, seed=seed, backbone_settings=settings) for seed in (0, 1)
        )
        assert not without_gradient(run)
        losses = [train_epoch(run, epoch)[1] for epoch in (1, 2, 3, 4)]
        assert losses[-1] < losses[0]
        fresh.restore(run.checkpoint())
        predicted = predict(run.backbone, run.feed, Split.VALIDATION)
        assert predicted.shape == (len(run.feed.split(Split.VALIDATION)), len(data.tasks))
        assert (predicted == predict(fresh.backbone, fresh.feed, Split.VALIDATION)).all()
        assert predicted.min() >= 0
        assert predicted.max() <= 1
