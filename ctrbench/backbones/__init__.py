"""Backbones: embed -> interact -> predict. They know no loss, no optimiser and no sigmoid."""

from typing import TYPE_CHECKING

from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.backbones.base import Backbone

BACKBONES: "Registry[type[Backbone]]" = Registry(
    "backbone",
    {
        "wide-deep": "ctrbench.backbones.wide_deep:WideDeep",
        "deepfm": "ctrbench.backbones.deepfm:DeepFM",
        "din": "ctrbench.backbones.din:DIN",
        "dcn-v2": "ctrbench.backbones.dcn_v2:DCNV2",
        "autoint": "ctrbench.backbones.autoint:AutoInt",
        "wukong": "ctrbench.backbones.wukong:Wukong",
        "dhen": "ctrbench.backbones.dhen:DHEN",
        "embeddings": "ctrbench.backbones.embeddings:Embeddings",
        "mlp": "ctrbench.backbones.embeddings:EmbeddingsMLP",
        "single-task": "ctrbench.backbones.multitask.single_task:SingleTask",
        "shared-bottom": "ctrbench.backbones.multitask.shared_bottom:SharedBottom",
        "shared-mlp": "ctrbench.backbones.multitask.shared_bottom:SharedMLP",
        "omoe": "ctrbench.backbones.multitask.mmoe:OMoE",
        "mmoe": "ctrbench.backbones.multitask.mmoe:MMoE",
        "ple": "ctrbench.backbones.multitask.ple:PLE",
        "esmm": "ctrbench.backbones.multitask.esmm:ESMM",
        "aitm": "ctrbench.backbones.multitask.aitm:AITM",
        "fdn": "ctrbench.backbones.multitask.fdn:FDN",
    },
    base="ctrbench.backbones.base:Backbone",
)
