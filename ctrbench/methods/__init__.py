"""Methods: what a paper adds to a backbone's loss. All of it is dropped at prediction."""

from typing import TYPE_CHECKING

from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.methods.base import Method

METHODS: "Registry[type[Method]]" = Registry(
    "method",
    {
        "plain": "ctrbench.methods.plain:Plain",
        "dropoutnet": "ctrbench.methods.dropoutnet:DropoutNet",
        "deepmcp": "ctrbench.methods.deepmcp:DeepMCP",
        "dmr": "ctrbench.methods.dmr:DMR",
        "icl": "ctrbench.methods.icl:ICL",
        "aqcl": "ctrbench.methods.aqcl:AQCL",
        "rmtl": "ctrbench.methods.rmtl:RMTL",
        "c2al": "ctrbench.methods.c2al:C2AL",
        "pwiser": "ctrbench.methods.conversion.pwiser:PWiseR",
        "conversion-weighted": "ctrbench.methods.conversion.conversion_weighted:ConversionWeighted",
        "ranknet": "ctrbench.methods.conversion.ranknet:RankNet",
        "listwise": "ctrbench.methods.conversion.listwise:Listwise",
        "focal": "ctrbench.methods.focal:Focal",
    },
    base="ctrbench.methods.base:Method",
)
