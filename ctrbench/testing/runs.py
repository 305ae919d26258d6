"""A run on a small dataset, ready to be trained."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.kernels import use_kernels
from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.methods import METHODS
from ctrbench.testing.data import FIELDS
from ctrbench.training.build import build, feed_for
from ctrbench.training.fit import Training
from ctrbench.training.settings import TrainingSettings

DATA = DataSettings(fields=FIELDS, minimum_history=0, history_length=12)
"""An item field and a user field, and rows without a history among those that train."""

TWO_TASKS = DATA.model_copy(
    update={
        "tasks": ("click", "conversion"),
        "given": {"conversion": "click"},
        "derived": {"ctcvr": ("click", "conversion")},
    }
)
"""Click over all rows, conversion after a click, and their product."""

FUNNEL = DATA.model_copy(
    update={"tasks": ("click", "conversion"), "conditional": {"cvr": ("conversion", "click")}},
)
"""Click and conversion over all rows, and the rate of conversions after a click."""


def start(
    backbone: str,
    method: str,
    prepared: Prepared,
    data: DataSettings = DATA,
    *,
    seed: int = 0,
    backbone_settings: Mapping[str, Any] | None = None,
    method_settings: Mapping[str, Any] | None = None,
    kernels: str = "reference",
    **training: Any,
) -> Training:
    """A run before its first epoch, with a high learning rate so that few epochs suffice; ``training`` as in a recipe.

    The test is skipped where the backbone or the method refuses.
    """
    chosen = METHODS.get(method)
    settings = chosen.Settings.read(dict(method_settings or {}), f"methods.{method}")
    base = BACKBONES.get(backbone)
    of_backbone = base.Settings.read(dict(backbone_settings or {}), f"backbones.{backbone}")
    manifest = prepared.manifest
    reason = base.refuses(of_backbone, data, manifest) or chosen.refuses(backbone, data, settings, manifest)
    if reason:
        pytest.skip(reason)
    feed = feed_for(method, method_settings or {}, prepared, data)
    options = TrainingSettings.read({"batch_size": 256, "learning_rate": 1e-2, "penalty": 1e-4} | training, "training")
    modules = build(
        feed,
        options,
        backbone=backbone,
        method=method,
        seed=seed,
        backbone_settings=backbone_settings or {},
        method_settings=method_settings or {},
    )
    use_kernels(kernels, feed.device, *modules)
    return Training(*modules, feed, options, seed)


def without_gradient(run: Training) -> list[str]:
    """Names of the trainable parameters to which one step on 256 rows sends no gradient."""
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator().manual_seed(0))
    loss.total.backward()
    parameters = {**dict(run.backbone.named_parameters()), **dict(run.method.named_parameters())}
    trained = {name: p for name, p in parameters.items() if p.requires_grad}
    return [name for name, p in trained.items() if p.grad is None or not p.grad.abs().sum() > 0]
