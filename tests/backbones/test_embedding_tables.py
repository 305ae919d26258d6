"""Which tables a backbone of any kind declares; those of the registered ones are tested by the contract."""

import torch
from torch import nn

from ctrbench.backbones.base import Backbone, BackboneSettings
from ctrbench.backbones.layers import FieldEmbedding
from ctrbench.data.inputs import Inputs
from ctrbench.testing.runs import DATA


class Plugin(Backbone):
    """Tables as another package may have them."""

    embed = embed_items = interact = predict = None

    def __init__(self, inputs, nested=None):
        super().__init__(inputs, BackboneSettings())
        self.fields = FieldEmbedding(inputs, 4, 0.01)
        self.tables = nn.ModuleDict({"own": nn.Embedding(5, 3), "bag": nn.EmbeddingBag(6, 3)})
        self.frozen = nn.Embedding.from_pretrained(torch.ones(5, 3))
        self.tied = nn.Embedding(5, 3)
        self.tied.weight = self.tables["own"].weight
        self.linear = nn.Linear(3, 2)
        self.nested = nested


class Declaring(Plugin):
    def __init__(self, inputs):
        super().__init__(inputs)
        self.crosses = nn.Parameter(torch.zeros(7, 1))

    def embedding_tables(self):
        return [*super().embedding_tables(), self.crosses]


def names(backbone):
    known = {parameter: name for name, parameter in backbone.named_parameters()}
    return sorted(known[table] for table in backbone.embedding_tables())


def test_embeddings_are_found_wherever_they_lie_and_once(small):
    inputs = Inputs.of(small.manifest, DATA.fields)
    assert names(Plugin(inputs)) == ["fields.weight", "tables.bag.weight", "tables.own.weight"]


def test_a_nested_backbone_declares_its_own(small):
    inputs = Inputs.of(small.manifest, DATA.fields)
    found = names(Plugin(inputs, Declaring(inputs)))
    own = ["fields.weight", "tables.bag.weight", "tables.own.weight"]
    assert found == sorted([*own, "nested.crosses", *(f"nested.{name}" for name in own)])
