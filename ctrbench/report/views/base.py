"""The contract of every view: a typed frame, a sentence that says how to read it, and a drawing of it, if any."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.recipe.recipe import ViewSpec
from ctrbench.registry import unknown
from ctrbench.report.frame import Frame
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import tasks_of
from ctrbench.store.record import DataFacts
from ctrbench.strict import Strict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Needs = Literal["runs", "references", "nothing"]
Drawing = Callable[[Frame], "Figure"]

BY = "activeness"
"""The column that cuts the rows if neither the recipe nor the command names one."""


class NoOptions(Strict):
    """Options of a view without options."""


@dataclass(frozen=True)
class ViewData:
    """One table or figure, ready for any format."""

    kind: str
    title: str
    source: Frame | Callable[[], Frame]
    """Every number; or, if they take long to compute, a function that is called when the view is drawn or saved."""
    reading: str
    """One sentence that says what a number, a mark or a bar means."""
    section: str = ""
    """Heading above the views of one dataset, backbone and task; empty for a view of the whole recipe."""
    shown: Frame | None = None
    """The rows and columns for reading, if the frame is long or takes long to compute; None: the whole frame."""
    draw: Drawing | None = None
    """Makes the picture of ``frame`` alone; None: nothing is drawn."""
    cells_of: tuple[str, str] | None = None
    """The metric and the column whose cells are shown, for a view whose CSV is the CSV of cells; None: the CSV is the
    frame for reading."""
    place: dict[str, str] = field(default_factory=dict)
    """What is shown: ``metric``, ``dataset``, ``backbone``, ``task`` and the like, as pages name it."""

    @cached_property
    def frame(self) -> Frame:
        """Every number."""
        return self.source if isinstance(self.source, Frame) else self.source()

    @property
    def short(self) -> Frame:
        """The rows and columns for reading, as its CSV holds them."""
        return self.shown if self.shown is not None else self.frame

    @property
    def table(self) -> Frame:
        """The rows and columns for reading, with each interval in one column."""
        return self.short if self.cells_of else self.short.with_intervals()


class View(ABC):
    """Base class; a subclass is registered in :data:`ctrbench.report.views.VIEWS` or as an entry point of the group
    ``ctrbench.views``."""

    needs: ClassVar[Needs] = "runs"
    """``references``: ``ctrbench run`` trains nothing and measures the data alone; ``nothing``: it is a formula."""
    Options: ClassVar[type[Strict]] = NoOptions
    """The keys of ``[views.options]``."""

    def __init__(self, spec: ViewSpec, where: str) -> None:
        """``where`` names the recipe in errors.

        Raises:
            CtrbenchError: an option is unknown or of another type.
        """
        self.spec = spec
        self.options = self.Options.read(spec.options, f"{where}: options of view {spec.kind}")

    @abstractmethod
    def show(self, data: ReportData) -> list[ViewData]:
        """The view's tables or figures; empty if it has nothing to show.

        Raises:
            NothingToShowError: the records lack what it needs; the report goes on without it.
        """

    def facts(self, data: ReportData) -> list[DataFacts]:
        """Facts of the data, for views of the data alone.

        Raises:
            NothingToShowError: there are none.
        """
        if not data.facts:
            recipe = data.recipe
            raise NothingToShowError(
                f"{recipe.name}: none of its datasets has been measured; start with {recipe.command('run')}"
            )
        return list(data.facts)

    def title(self, data: ReportData, metric: type[Metric] | None = None, task: str | None = None) -> str:
        """Title of a view of the whole recipe: the entry's title, else the recipe's, with the metric and the task if
        the recipe shows several."""
        title = self.spec.title or data.recipe.title
        several = [
            *([metric.label] if metric and len(self.metrics(data)) > 1 else []),
            *([task] if task and len(self.tasks(data)) > 1 else []),
        ]
        return f"{title}: {', '.join(several)}" if several else title

    @property
    def by(self) -> str:
        """The column that cuts the rows."""
        return self.spec.by or BY

    def metrics(self, data: ReportData) -> list[type[Metric]]:
        """The metric of the view's entry in the recipe, else the recipe's metrics.

        Raises:
            CtrbenchError: nobody registered the metric.
        """
        return [METRICS.get(name) for name in ([self.spec.metric] if self.spec.metric else data.recipe.metrics)]

    def relative_metrics(self, data: ReportData) -> list[type[Metric]]:
        """As :meth:`metrics`, for a view of changes in percent.

        Raises:
            CtrbenchError: nobody registered the metric, or it has no relative form.
        """
        found = self.metrics(data)
        for metric in found:
            if not metric.relative:
                raise CtrbenchError(
                    f"{data.recipe.name}: view {self.spec.kind}: {metric.label} has no change in percent; name ne"
                )
        return found

    def tasks(self, data: ReportData) -> list[str]:
        """The task of the view's entry in the recipe, else the tasks of the jobs.

        Raises:
            CtrbenchError: no job has the task.
        """
        known = tasks_of(data)
        if self.spec.task and self.spec.task not in known:
            raise unknown("task", self.spec.task, known)
        return [self.spec.task] if self.spec.task else known
