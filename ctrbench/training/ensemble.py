"""The models of a run: one or, with ``training.models``, several, trained one after another and averaged."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.schema import Split
from ctrbench.data.streams import derived_seed
from ctrbench.training.checkpoint import below, dump, parse, under
from ctrbench.training.fit import Training, fit
from ctrbench.training.history import EpochMetrics
from ctrbench.training.predict import predict


class Ensemble:
    """Models that differ in their seeds alone, as :func:`model_seeds` gives them."""

    def __init__(self, models: Sequence[Training]) -> None:
        self.models = tuple(models)
        self.first = self.models[0]

    @property
    def looks(self) -> tuple[EpochMetrics, ...]:
        """Those of all models so far, one model's after the other's."""
        return tuple(look for model in self.models for look in model.epochs)

    @property
    def most_looks(self) -> int:
        """Looks of all models where none is stopped early."""
        return sum(model.settings.most_looks for model in self.models)

    @property
    def weights(self) -> int:
        """Trained weights of what predicts, embedding tables included."""
        parameters = (weight for model in self.models for weight in model.backbone.parameters())
        return sum(weight.numel() for weight in parameters if weight.requires_grad)

    def fit(self) -> Iterator[EpochMetrics]:
        """Trains each model as :func:`ctrbench.training.fit.fit` does; yields each look."""
        for model in self.models:
            yield from fit(model)

    def predict(self, split: Split) -> NDArray[np.float64]:
        """Mean probabilities (R, T) of a split's rows in their stored order, for the trained tasks."""
        first, *others = self.models
        predicted = predict(first.backbone, first.feed, split)
        for model in others:
            predicted += predict(model.backbone, model.feed, split)
        predicted /= len(self.models)
        return predicted

    def checkpoint(self) -> bytes:
        """The states of the models that have begun."""
        states = [model.state() for model in self.models if model.epochs]
        tensors = {
            name: tensor for place, (own, _) in enumerate(states) for name, tensor in under(str(place), own).items()
        }
        return dump(tensors, {"models": [state for _, state in states]})

    def restore(self, checkpoint: bytes) -> None:
        """Restores a checkpoint; a model's part of another origin (:meth:`Training.origin`) is ignored, so that it
        starts over.

        Raises:
            CtrbenchError: the bytes are not a checkpoint.
        """
        tensors, state = parse(checkpoint, self.first.feed.device)
        for place, (model, own) in enumerate(zip(self.models, state.get("models", ()), strict=False)):
            model.load(below(str(place), tensors), own)


def model_seeds(seed: int, models: int) -> list[int]:
    """The seed of each model of a run: the run's own, then seeds that follow from it and that no run of a table has."""
    return [seed, *(derived_seed(seed, "model", place) for place in range(1, models))]
