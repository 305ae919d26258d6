"""The backbone and the method of a run, with the initial weights of its seed."""

from collections.abc import Mapping
from typing import Any

import torch

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.base import Backbone
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.data.streams import derived_seed
from ctrbench.methods import METHODS
from ctrbench.methods.base import Context, Method
from ctrbench.training.settings import TrainingSettings

Settings = Mapping[str, Any]


def feed_for(
    method: str, settings: Settings, prepared: Prepared, data: DataSettings, *, search_holdout: bool = False
) -> Feed:
    """The feed of a run, with the cohort columns that its method reads.

    Raises:
        CtrbenchError: a setting, field, label or cohort is unknown, or no row is left to train on.
    """
    chosen = METHODS.get(method)
    cohorts = chosen.cohorts(chosen.Settings.read(dict(settings), f"methods.{method}"))
    return Feed(prepared, data, search_holdout=search_holdout, cohorts=cohorts)


def build(
    feed: Feed,
    training: TrainingSettings,
    *,
    backbone: str,
    method: str,
    seed: int,
    backbone_settings: Settings,
    method_settings: Settings,
) -> tuple[Backbone, Method]:
    """Both modules, on the device of the feed. The caller checks that the method accepts the backbone and the data.

    Raises:
        CtrbenchError: a name or a setting is unknown, or ``task_weights`` names a task that is not trained.
    """
    backbone_class, method_class = BACKBONES.get(backbone), METHODS.get(method)
    torch.manual_seed(derived_seed(seed, "backbone"))
    of_backbone = backbone_class.Settings.read(dict(backbone_settings), f"backbones.{backbone}")
    made = backbone_class(feed.inputs, of_backbone, len(feed.tasks.trained)).to(feed.device)
    torch.manual_seed(derived_seed(seed, "method"))
    of_method = method_class.Settings.read(dict(method_settings), f"methods.{method}")
    return made, method_class(made, Context.of(feed, training.task_weights), of_method).to(feed.device)
