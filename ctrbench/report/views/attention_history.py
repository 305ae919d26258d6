"""How the distribution of attention weights changes over training, look by look: C2AL, figure 5."""

from typing import TYPE_CHECKING

from ctrbench.report.frame import Frame
from ctrbench.report.select import ReportData
from ctrbench.report.views.attention import STATISTICS, AttentionOptions, distributions, meaning, nothing_summarised
from ctrbench.report.views.logged_parts import LoggedParts, draw_part, logged_parts
from ctrbench.report.views.style import panels
from ctrbench.training.history import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF = " of "


class AttentionHistory(LoggedParts):
    """See the module's docstring. A part is a statistic of the parameters or the activations of a layer."""

    Options = AttentionOptions
    options: AttentionOptions
    of_look = "At the end of each look"

    def note(self, data: ReportData) -> str:
        """What the statistics are."""
        return meaning(data.recipe)

    def frame(self, data: ReportData) -> Frame:
        """The statistics."""

        def logged(look: EpochMetrics) -> dict[str, float]:
            return {
                f"{statistic}{OF}{weights}, {layer}": value
                for layer, weights, own in distributions(look, self.options.layers)
                for statistic in STATISTICS
                if (value := getattr(own, statistic)) is not None
            }

        frame = logged_parts(data, logged)
        if not frame.rows:
            raise nothing_summarised(data.recipe)
        return frame

    @staticmethod
    def draw(frame: Frame) -> "Figure":
        """A row of panels per kind of weights and layer, a panel per statistic, a line per dataset and method."""
        table = frame.pandas()
        found = list(dict.fromkeys(part.partition(OF)[2] for part in table["part"]))
        figure, grid = panels(len(found), len(STATISTICS), width=3.3, height=2.7)
        for line, weights in zip(grid, found, strict=True):
            for axes, (statistic, label) in zip(line, STATISTICS.items(), strict=True):
                draw_part(axes, table, f"{statistic}{OF}{weights}", label)
                axes.set_title(weights.removesuffix(", all"), fontsize=8)
        grid[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
        return figure
