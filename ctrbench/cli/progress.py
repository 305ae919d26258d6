"""What a terminal shows while runs are made: a bar over runs, a line per run under way, the remaining time."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ctrbench.experiments.cell import Cell
    from ctrbench.experiments.estimate import Left, Remaining
    from ctrbench.experiments.execute import Outcome
    from ctrbench.experiments.ledger import Ledger, Progress
    from ctrbench.experiments.plan import Run

NOTE_WIDTH = len("about 59 min left + 9 untimed runs")


class Display:
    """On a terminal a live table; elsewhere one plain line per run that ended."""

    def __init__(self, ledger: "Ledger", jobs: int, console: "Console") -> None:
        from rich.live import Live

        self._ledger = ledger
        self._jobs = jobs
        self._console = console
        self._started = time.time()
        self._left: dict[str, Run] = {}
        self._later: Sequence[Cell] = ()
        self._done: list[tuple[Cell, int, float | None]] = []
        self._failed = 0
        self._given_up = 0
        self._name_width = 0
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def add(self, runs: "Sequence[Run]", later: "Sequence[Cell]" = ()) -> None:
        """Runs of a plan or of a round of a search; ``later`` names the rows of rounds that follow."""
        self._later = later
        self._name_width = max([self._name_width, *(len(_name(run)) for run in runs)])
        for run in runs:
            if self._ledger.finished(run.identity):
                self._done.append((run.cell, len(self._ledger.read(run.identity).epochs), None))
            else:
                self._left[run.identity] = run

    def ended(self, outcome: "Outcome") -> None:
        """A run of :meth:`add` ended."""
        run = self._left.pop(outcome.run.identity)
        if outcome.record:
            self._done.append((run.cell, len(outcome.record.epochs), outcome.record.timings.training_seconds))
        elif outcome.status == "given up":
            self._given_up += 1
        else:
            self._failed += 1
        # On a terminal the table below says it.
        told = (self._left or self._later) and not self._console.is_terminal
        remaining = self._remaining() if told else None
        line = f"{self._count()} {_name(run)}: {_result(outcome)}"
        # A line that is printed draws the table below it once more, as it was last refreshed.
        self._live.refresh()
        self._console.print(
            f"{line}; {remaining}" if remaining else line, markup=False, highlight=False, soft_wrap=True
        )

    def _ended(self) -> int:
        return len(self._done) + self._failed + self._given_up

    def _count(self) -> str:
        ended = self._ended()
        return f"{ended}/{ended + len(self._left) + len(self._later)}"

    def _table(self) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table.grid(padding=(0, 2), expand=True)
        # Wide enough for every name and most notes, so that the bars keep their width.
        table.add_column(no_wrap=True, min_width=self._name_width)
        table.add_column(ratio=1)
        table.add_column(no_wrap=True, min_width=NOTE_WIDTH)
        ended = self._ended()
        total = ended + len(self._left) + len(self._later)
        note = str(self._remaining() or "measuring the first epochs") if ended < total or not total else "done"
        table.add_row(f"{self._count()} runs", ProgressBar(total=total, completed=ended), note)
        for run, progress in self._active():
            bar = ProgressBar(total=progress.at_most, completed=progress.epoch)
            table.add_row(_name(run), bar, f"epoch {progress.epoch} of at most {progress.at_most}")
        return table

    def _active(self) -> "list[tuple[Run, Progress]]":
        progress = [(run, self._ledger.progress(run.identity)) for run in list(self._left.values())]
        return [(run, found) for run, found in progress if found and found.updated >= self._started]

    def _remaining(self) -> "Remaining | None":
        from ctrbench.experiments.estimate import Left, Pace, remaining

        runs = list(self._left.values())
        left = [self._standing(run) for run in runs]
        at_most = max(
            (entry.at_most for entry in left), default=max((epochs for _, epochs, _ in self._done), default=1)
        )
        left += [Left(cell, at_most) for cell in self._later]
        return remaining(left, [Pace(*entry) for entry in self._done], self._jobs)

    def _standing(self, run: "Run") -> "Left":
        from ctrbench.experiments.estimate import Left

        progress = self._ledger.progress(run.identity)
        # What an earlier command left there does not pass time.
        under_way = progress and progress.updated >= self._started
        since = time.time() - progress.updated if progress and under_way else 0.0
        return Left(run.cell, run.config.training.epochs, progress, since)


def _name(run: "Run") -> str:
    return f"{run.cell} seed {run.config.seed}"


def _result(outcome: "Outcome") -> str:
    record = outcome.record
    if not record:
        return f"{outcome.status}: {outcome.cause}"
    figures = record.overall.auc, record.overall.logloss
    auc, logloss = ("-" if value is None else f"{value:.4f}" for value in figures)
    return (
        f"{record.config.measure} AUC {auc}, logloss {logloss}, best epoch {record.best_epoch} of "
        f"{len(record.epochs)}, {record.timings.training_seconds:.0f} s"
    )
