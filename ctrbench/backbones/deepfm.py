"""DeepFM: a factorisation machine and a deep network over the same embeddings.

Source: Guo et al., DeepFM: A Factorization-Machine based Neural Network for CTR Prediction, IJCAI 2017, arXiv
1703.04247, equations 1 to 4. The click history is a multi-valued field for each item field: the mean of its
embeddings.

Shape:
    F + G field vectors (B, F + G, D): FM logit (B, 1) and h (B, H).
"""

from dataclasses import replace

from torch import nn

from ctrbench.backbones.base import DeepSettings, Embedded
from ctrbench.backbones.embeddings import EmbeddingsMLP
from ctrbench.backbones.layers import FieldEmbedding, field_vectors
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class DeepFM(EmbeddingsMLP):
    """See the module's docstring. The FM part is the shallow one."""

    paper = "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction"
    source = "Guo et al., IJCAI 2017, arXiv 1703.04247"

    def __init__(self, inputs: Inputs, settings: DeepSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.first_order = FieldEmbedding(inputs, tasks, settings.embedding_std)

    @property
    def heads(self) -> list[nn.Module]:
        """The output and the first-order weights."""
        return [self.output, self.first_order]

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings, and the FM logit."""
        embedded = self.embedding.embedded(batch)
        linear = field_vectors(self.first_order.embedded(batch)).sum(1)
        vectors = field_vectors(embedded)
        pairs = 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1, keepdim=True)
        return replace(embedded, shallow=linear + pairs)
