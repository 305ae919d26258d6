"""Estimates the time remaining for jobs under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrbench.recipe.row_key import RowKey
from ctrbench.store.work import Progress


@dataclass(frozen=True)
class Pace:
    """The speed and length of a finished run."""

    row: RowKey
    epochs: int
    """Counted in looks, as everywhere in this module: with one look per epoch, epochs."""
    seconds: float | None
    """None if another command made the run, perhaps on another machine."""


@dataclass(frozen=True)
class Left:
    """A run that is not finished."""

    row: RowKey
    at_most: int
    """Looks."""
    progress: Progress | None = None
    since: float = 0.0
    """Seconds since its current epoch began; 0 for a run that is not under way."""


@dataclass(frozen=True)
class Remaining:
    """Time until the runs of all timed rows are finished."""

    seconds: float
    bound: bool
    """True while no run is finished: every run is then counted with its greatest number of epochs."""
    untimed: int = 0
    """Runs that are not counted, because no epoch of their row has been timed: another row's pace says little."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{hours} h {minutes:02d} min" if hours else f"{minutes} min" if minutes >= 2 else None
        besides = f" + {self.untimed} untimed job{'s' if self.untimed != 1 else ''}" if self.untimed else ""
        return f"{'at most' if self.bound else 'about'} {text or f'{minutes * 60 + seconds} s'} left{besides}"


def remaining(left: Sequence[Left], finished: Sequence[Pace], jobs: int) -> Remaining | None:
    """Estimates from measured seconds per epoch, and the mean number of epochs of finished runs of the same row.

    For a timed row without a finished run it takes the other rows' mean number of epochs. None while no row of
    ``left`` is timed.
    """
    needs = []
    for run in left:
        if (seconds := _seconds_per_epoch(run.row, left, finished)) is not None:
            done = run.progress.epoch if run.progress else 0
            needs.append(max(_epochs(run, finished) - done, 1) * seconds - min(run.since, seconds))
    if not needs:
        return None
    untimed = len(left) - len(needs)
    return Remaining(max(sum(needs) / jobs, *needs), bound=not finished and not untimed, untimed=untimed)


def _seconds_per_epoch(row: RowKey, left: Sequence[Left], finished: Sequence[Pace]) -> float | None:
    """Mean over the timed runs of a row; None if no run of the row is timed."""
    paces = [pace.seconds / pace.epochs for pace in finished if pace.row == row and pace.seconds is not None]
    under_way = [run.progress for run in left if run.row == row and run.progress]
    paces += [progress.seconds_per_epoch for progress in under_way if progress.seconds_per_epoch is not None]
    return sum(paces) / len(paces) if paces else None


def _epochs(run: Left, finished: Sequence[Pace]) -> float:
    epochs = [pace.epochs for pace in finished if pace.row == run.row] or [pace.epochs for pace in finished]
    return min(sum(epochs) / len(epochs), run.at_most) if epochs else run.at_most
