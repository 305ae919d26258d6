"""How the parts that a method adds to the loss pull the shared weights, beside the task, look by look.

Source: the split along and across the task's gradient, and the question whether auxiliary labels conflict with it:
C2AL, Cokbas et al., arXiv 2510.02215.
"""

from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.report.frame import Frame
from ctrbench.report.select import ReportData
from ctrbench.report.views.logged_parts import LoggedParts, draw_part, logged_parts
from ctrbench.report.views.style import panels
from ctrbench.training.history import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSINE = "cosine of "
TASK = "gradient of the task"
LENGTHS = (" along", " across")


class Gradients(LoggedParts):
    """See the module's docstring."""

    def note(self, data: ReportData) -> str:  # noqa: ARG002
        """What is measured of the gradients."""
        return (
            "Gradients at all weights of the backbone, of each part as it is weighted in the loss. A negative cosine "
            "to the task's gradient is a conflict; along and across are the lengths of its parts parallel and "
            "orthogonal to the task's."
        )

    def frame(self, data: ReportData) -> Frame:
        """The cosines and lengths."""
        frame = logged_parts(data, _of_gradients)
        if not frame.rows:
            raise NothingToShowError(
                f"{data.recipe.name}: no run probed its gradients; set training.probe_every, for a method that adds "
                "parts to the loss"
            )
        return frame

    @staticmethod
    def draw(frame: Frame) -> "Figure":
        """The cosine of each part, one panel per part and one line per dataset, backbone, method and variant."""
        table = frame.pandas()
        cosines = list(dict.fromkeys(part for part in table["part"] if part.startswith(COSINE)))
        figure, grid = panels(1, len(cosines))
        for axes, part in zip(grid[0], cosines, strict=True):
            draw_part(axes, table, part, f"cosine to the task's gradient: {part.removeprefix(COSINE)}")
            axes.axhline(0.0, color="#404040", linewidth=0.9, linestyle=(0, (1, 2)))
        grid[0, 0].legend(loc="best")
        return figure


def _of_gradients(look: EpochMetrics) -> dict[str, float]:
    return {
        part: value
        for part, value in look.parts.items()
        if part == TASK or part.startswith(COSINE) or part.endswith(LENGTHS)
    }
