"""The honest remaining time of runs that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrbench.experiments.ledger import Progress
from ctrbench.experiments.plan import Cell


@dataclass(frozen=True)
class Pace:
    """Of a finished run."""

    cell: Cell
    epochs: int
    seconds: float | None
    """None where another command made the run, perhaps on another machine."""


@dataclass(frozen=True)
class Left:
    """A run that is not finished."""

    cell: Cell
    at_most: int
    """Epochs."""
    progress: Progress | None = None


@dataclass(frozen=True)
class Remaining:
    """Time until all runs are finished."""

    seconds: float
    bound: bool
    """Every run was counted with its greatest number of epochs, for none is finished yet."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{hours} h {minutes:02d} min" if hours else f"{minutes} min" if minutes >= 2 else None
        return f"{'at most' if self.bound else 'about'} {text or f'{minutes * 60 + seconds} s'} left"


def remaining(left: Sequence[Left], finished: Sequence[Pace], jobs: int) -> Remaining | None:
    """From measured seconds per epoch, and the mean number of epochs of finished runs of the same row.

    A row without a finished run is given the mean over the other rows'; None while no epoch has been measured.
    """
    total = 0.0
    longest = 0.0
    for run in left:
        seconds = _seconds_per_epoch(run.cell, left, finished)
        if seconds is None:
            return None
        done = run.progress.epoch if run.progress else 0
        need = max(_epochs(run, finished) - done, 1) * seconds
        total += need
        longest = max(longest, need)
    return Remaining(max(total / jobs, longest), bound=not finished)


def _seconds_per_epoch(cell: Cell, left: Sequence[Left], finished: Sequence[Pace]) -> float | None:
    measured = [(pace.cell, pace.seconds / pace.epochs) for pace in finished if pace.seconds is not None]
    measured += [(run.cell, run.progress.seconds_per_epoch) for run in left if run.progress]
    values = [seconds for other, seconds in measured if other == cell] or [seconds for _, seconds in measured]
    return sum(values) / len(values) if values else None


def _epochs(run: Left, finished: Sequence[Pace]) -> float:
    epochs = [pace.epochs for pace in finished if pace.cell == run.cell] or [pace.epochs for pace in finished]
    return min(sum(epochs) / len(epochs), run.at_most) if epochs else run.at_most
