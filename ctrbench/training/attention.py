"""How the attention weights of a backbone are distributed between two stretches of training: C2AL, figures 2, 4 and 5.

The figures of the paper (Cokbas et al., arXiv 2510.02215) show "attention layer weights" and leave open whether these
are the parameters of the layers or what the layers compute from a row, so both are summarised: the parameters as they
are, and the activations on the same rows at every look.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ctrbench.backbones.attention import Attention, attention_layers
from ctrbench.backbones.base import Backbone
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.metrics.distribution import Distribution
from ctrbench.training.history import ALL, AttentionSummary
from ctrbench.training.predict import evaluation_batches


@torch.no_grad()
def summarise_attention(backbone: Backbone, feed: Feed, rows: int) -> AttentionSummary:
    """The distributions of every attention layer, and of all of them; empty without rows or attention layers.

    Costs a forward pass over the rows, without dropout; it changes no weight and draws from no random stream.

    Args:
        backbone: holds the weights of the moment.
        feed: the feed of the run.
        rows: number of validation rows, evenly spread; a split with fewer rows gives all of them.
    """
    layers = attention_layers(backbone)
    if not (rows and layers):
        return {}
    found = {
        "parameters": {name: _flat([*layer.attention_parameters()]) for name, layer in layers.items()},
        "activations": _activations(backbone, layers, feed, rows),
    }
    names = (*layers, *([ALL] if len(layers) > 1 else []))
    weights = {name: {kind: _of_layer(own, name) for kind, own in found.items()} for name in names}
    return {
        name: {kind: Distribution.of(each) for kind, each in own.items() if each.size}  # type: ignore[misc]
        for name, own in weights.items()
    }


def _activations(
    backbone: Backbone, layers: Mapping[str, Attention], feed: Feed, rows: int
) -> dict[str, NDArray[np.float32]]:
    """Layer -> the weights that it attends with on some validation rows."""
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, Attention)
        seen[names[layer]].append(layer.attention(*inputs))

    names = {layer: name for name, layer in layers.items()}
    watching = [layer.register_forward_pre_hook(watch) for layer in names]
    backbone.eval()
    try:
        for batch in evaluation_batches(feed, feed.split(Split.VALIDATION).spread(rows)):
            backbone(batch)
    finally:
        backbone.train()
        for each in watching:
            each.remove()
    return {name: _flat(own) for name, own in seen.items()}


def _flat(weights: list[Tensor]) -> NDArray[np.float32]:
    return torch.cat([each.flatten() for each in weights]).cpu().numpy()


def _of_layer(weights: Mapping[str, NDArray[np.float32]], name: str) -> NDArray[np.float32]:
    return np.concatenate([*weights.values()]) if name == ALL else weights[name]
