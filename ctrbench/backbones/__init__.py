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
        "shared-bottom": "ctrbench.backbones.shared_bottom:SharedBottom",
    },
    base="ctrbench.backbones.base:Backbone",
)
