"""The contract of every view: a typed frame, one sentence how to read it, and a drawing of the frame, if any."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from ctrbench.errors import NothingToShowError
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
"""The column that cuts the rows where neither the recipe nor the command says one."""


class NoOptions(Strict):
    """Of a view without options."""


@dataclass(frozen=True)
class ViewData:
    """One table or figure, ready for any format."""

    kind: str
    title: str
    source: Frame | Callable[[], Frame]
    """Every number; a function where they take long, called when the view is drawn or saved."""
    reading: str
    """One sentence: what a number, a mark or a bar stands for."""
    section: str = ""
    """Heading above the views of one dataset, backbone and task; empty for a view of all of them."""
    shown: Frame | None = None
    """The rows and columns for reading, where the frame is long or takes long; None: the whole frame."""
    draw: Drawing | None = None
    """Makes the picture of ``frame`` alone; None: nothing is drawn."""
    cells_of: tuple[str, str] | None = None
    """The metric and the column whose cells are shown, so that its CSV is that of the cells; None: the CSV is the frame
    for reading."""
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
        """The same with each interval in one column."""
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
        """The view's tables or figures; none where it has nothing to show.

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
        """Of a view of the whole recipe: that of its entry, or the recipe's; with the metric and the task where the
        recipe shows several."""
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
        """The metric of the recipe's entry; those of the recipe where it names none.

        Raises:
            CtrbenchError: nobody registered it.
        """
        return [METRICS.get(name) for name in ([self.spec.metric] if self.spec.metric else data.recipe.metrics)]

    def tasks(self, data: ReportData) -> list[str]:
        """The task of the recipe's entry; those of the jobs where it names none.

        Raises:
            CtrbenchError: no job has it.
        """
        known = tasks_of(data)
        if self.spec.task and self.spec.task not in known:
            raise unknown("task", self.spec.task, known)
        return [self.spec.task] if self.spec.task else known
