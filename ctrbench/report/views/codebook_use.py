"""How much of its codebook a method uses, epoch by epoch: whether AQCL's balanced assignment (eq. 4) keeps it alive."""

from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.planning.settings import setting
from ctrbench.report.frame import Frame, Value
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.views.logged_parts import LoggedParts, draw_part, logged_parts
from ctrbench.report.views.style import panels
from ctrbench.training.history import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PARTS = {
    "alive": "share of codewords nearest to some row",
    "perplexity": "perplexity (codewords)",
    "turned": "1 - cosine of a codeword to its start",
}
"""Parts of the method's loss -> label of their axis."""


class CodebookUse(LoggedParts):
    """See the module's docstring."""

    def note(self, data: ReportData) -> str:  # noqa: ARG002
        """What perplexity is."""
        return "Perplexity = exp of the entropy of the codewords' shares of a batch."

    def frame(self, data: ReportData) -> Frame:
        """The use of the codebook, and the number of codewords."""

        def size(row: ReportRow) -> tuple[Value, ...]:
            known = data.defaults.of(row.record.backbone, row.record.method)["method"]
            return (setting(row.record.config, "method", "codewords", data.defaults) if "codewords" in known else None,)

        def logged(look: EpochMetrics) -> dict[str, float]:
            return {part: look.parts[part] for part in PARTS if part in look.parts}

        frame = logged_parts(data, logged, size, ("codewords",))
        if not frame.rows:
            recipe = data.recipe
            raise NothingToShowError(
                f"{recipe.name}: no run logged codebook usage; methods with a codebook do: {recipe.command('run')}"
            )
        return frame

    @staticmethod
    def draw(frame: Frame) -> "Figure":
        """The share of codewords alive, the perplexity, how far codewords turned; a line per dataset and variant."""
        table = frame.pandas()
        logged = {part: label for part, label in PARTS.items() if part in set(table["part"])}
        figure, grid = panels(1, len(logged))
        for axes, (part, label) in zip(grid[0], logged.items(), strict=True):
            draw_part(axes, table, part, label)
        _scale(grid[0, 0], 1.0, "every codeword")
        _scale(grid[0, 1], float(table["codewords"].max()), "all codewords alike")
        grid[0, 0].legend(loc="lower right")
        return figure


def _scale(axes: "Axes", largest: float, name: str) -> None:
    """Scales the axis from 0 to the largest possible value, which a line marks."""
    axes.axhline(largest, color="#404040", linewidth=0.9, linestyle=(0, (1, 2)))
    axes.annotate(
        name,
        (0.99, largest),
        (0, 2),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
        fontsize=7,
    )
    axes.set_ylim(0, 1.1 * largest)
