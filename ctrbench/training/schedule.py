"""The learning rate of a step: constant, falling linearly to 0, or divided by ten where validation stalls.

A rate depends only on the settings, the step's position and the history, so a resumed run needs no stored state.

Source: the division by ten as in the field's best records of DIN (Zhu et al., BARS: Towards Open Benchmarking for
Recommender Systems, SIGIR 2022).
"""

from collections.abc import Sequence

from ctrbench.training.settings import TrainingSettings

FACTOR = 10
"""The divisor of the rate at a drop."""


def find_drops(scores: Sequence[float], settings: TrainingSettings) -> list[int]:
    """The looks, from 1, after which the rate drops, given the watched value of each look so far (larger is better)."""
    found: list[int] = []
    if settings.schedule != "plateau":
        return found
    best, since = 0, 0
    for look, score in enumerate(scores, 1):
        if best == 0 or score > scores[best - 1]:
            best = since = look
        elif look - since >= settings.schedule_patience and len(found) < settings.drops:
            found.append(look)
            since = look
    return found


def learning_rate(settings: TrainingSettings, progress: float, dropped: int) -> float:
    """The rate of a step.

    Args:
        settings: Settings of the run.
        progress: Share of the planned steps that lie before this one, in [0, 1).
        dropped: How often the rate has dropped (:func:`find_drops`).
    """
    if settings.schedule == "linear":
        return settings.learning_rate * (1 - progress)
    return settings.learning_rate / FACTOR**dropped
