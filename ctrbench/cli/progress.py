"""The display while jobs run: a bar over jobs, a line per job under way, the remaining time."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ctrbench.execution.drive import Outcome
    from ctrbench.planning.estimate import Left, Remaining
    from ctrbench.planning.plan import Job
    from ctrbench.recipe.row_key import RowKey
    from ctrbench.store.record import Record
    from ctrbench.store.store import Store
    from ctrbench.store.work import Progress

NOTE_WIDTH = len("about 59 min left + 9 untimed jobs")


class Display:
    """A live table on a terminal; elsewhere one plain line for each job that ended."""

    def __init__(self, store: "Store", jobs: int, console: "Console") -> None:
        from rich.live import Live

        self._store = store
        self._jobs = jobs
        self._console = console
        self._started = time.time()
        self._left: dict[str, Job] = {}
        self._later: Sequence[RowKey] = ()
        self._done: list[tuple[RowKey, int, float | None]] = []
        self._failed = 0
        self._name_width = 0
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def add(self, jobs: "Sequence[Job]", later: "Sequence[RowKey]" = ()) -> None:
        """Adds the jobs of a plan or of a search's round; ``later`` names the rows of the jobs of later rounds."""
        self._later = later
        self._name_width = max([self._name_width, *(len(_name(job)) for job in jobs)])
        for job in jobs:
            if self._store.finished(job.identity, job.names):
                self._done.append((job.row, self._store.read(job.identity, job.names).record.looks, None))
            else:
                self._left[job.identity] = job

    def ended(self, outcome: "Outcome") -> None:
        """Shows that a job of :meth:`add` ended."""
        from rich.text import Text

        job = self._left.pop(outcome.job.identity)
        if outcome.record:
            self._done.append((job.row, outcome.record.looks, outcome.record.timings.training_seconds))
        else:
            self._failed += 1
        # On a terminal the table below shows it.
        told = (self._left or self._later) and not self._console.is_terminal
        remaining = self._remaining() if told else None
        line = f"{self._count()} {_name(job)}: {_result(outcome)}"
        # A line that is printed draws the table below it once more, as it was last refreshed.
        self._live.refresh()
        self._console.print(Text(f"{line}; {remaining}" if remaining else line), soft_wrap=True)

    def _ended(self) -> int:
        return len(self._done) + self._failed

    def _count(self) -> str:
        ended = self._ended()
        return f"{ended}/{ended + len(self._left) + len(self._later)}"

    def _table(self) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2), expand=True)
        # Wide enough for every name and most notes, so that the bars keep their width.
        table.add_column(no_wrap=True, min_width=self._name_width)
        table.add_column(ratio=1)
        table.add_column(no_wrap=True, min_width=NOTE_WIDTH)
        ended = self._ended()
        total = ended + len(self._left) + len(self._later)
        note = str(self._remaining() or "measuring the first epochs") if ended < total or not total else "done"
        table.add_row(f"{self._count()} jobs", ProgressBar(total=total, completed=ended), note)
        for job, progress in self._active():
            bar = ProgressBar(total=progress.at_most, completed=progress.epoch)
            now, last = (_epochs(looks, job.config.training.looks) for looks in (progress.epoch, progress.at_most))
            note = f"epoch {now} of at most {last}"
            table.add_row(Text(_name(job)), bar, note)
        return table

    def _active(self) -> "list[tuple[Job, Progress]]":
        progress = [(job, self._store.work.progress(job.identity)) for job in list(self._left.values())]
        return [(job, found) for job, found in progress if found and found.updated >= self._started]

    def _remaining(self) -> "Remaining | None":
        from ctrbench.planning.estimate import Left, Pace, remaining

        jobs = list(self._left.values())
        left = [self._standing(job) for job in jobs]
        at_most = max(
            (entry.at_most for entry in left), default=max((epochs for _, epochs, _ in self._done), default=1)
        )
        left += [Left(row, at_most) for row in self._later]
        return remaining(left, [Pace(*entry) for entry in self._done], self._jobs)

    def _standing(self, job: "Job") -> "Left":
        from ctrbench.planning.estimate import Left

        progress = self._store.work.progress(job.identity)
        # Progress that an earlier command left behind does not advance.
        under_way = progress and progress.updated >= self._started
        since = time.time() - progress.updated if progress and under_way else 0.0
        training = job.config.training
        return Left(job.row, training.models * training.most_looks, progress, since)


def _name(job: "Job") -> str:
    return f"{job.row} seed {job.config.seed}"


def _result(outcome: "Outcome") -> str:
    record = outcome.record
    if not record:
        return f"{outcome.status}: {outcome.cause}"
    rows = "test" if record.judged_on == "test" else "search holdout"
    tasks = "; ".join(
        f"{task}: {values_of(record, task)}" if len(record.tasks) > 1 else values_of(record, task)
        for task in record.tasks
    )
    looks = record.config.training.looks
    kept = ", ".join(
        f"{_epochs(model.best_epoch, looks)} of {_epochs(len(model.epochs), looks)}" for model in record.models
    )
    return f"{rows} {tasks}, best epoch {kept}, {record.timings.training_seconds:.0f} s"


def _epochs(looks: int, per_epoch: int) -> str:
    """A number of looks in epochs: 2.25 is a quarter past the second epoch."""
    return f"{round(looks / per_epoch, 2):g}"


def values_of(record: "Record", task: str) -> str:
    """The first two metrics of a task, over all measured rows."""
    from ctrbench.metrics import METRICS

    shown = list(record.tasks[task].values)[:2]
    # A metric of a package that is not installed here, or broken, has its name as its label.
    known = METRICS.usable()
    labels = [known[name].label if name in known else name for name in shown]
    values = [record.overall(name, task) for name in shown]
    return ", ".join(
        f"{label} {'-' if value is None else f'{value:.4f}'}" for label, value in zip(labels, values, strict=True)
    )
