"""The range over seeds: the worst and the best seed of each row, where a mean would hide them."""

from ctrbench.report.frame import Frame
from ctrbench.report.views.base import View, ViewData

COLUMNS = ("dataset", "backbone", "method", "seeds", "worst", "best")


class SeedRange(View):
    """See the module's docstring."""

    def show(self, data):
        """One table for each metric and task of the recipe, one line per row of the table."""
        return [self._table(data, metric, task) for metric in self.metrics(data) for task in self.tasks(data)]

    def _table(self, data, metric, task):
        values = {}
        for row in data.rows:
            value = row.record.overall(metric.name, task)
            if value is not None:
                values.setdefault((row.key.dataset, row.key.backbone, row.key.method), []).append(value)
        lines = [
            (*place, len(own), min(own, key=metric.goodness), max(own, key=metric.goodness))
            for place, own in values.items()
        ]
        return ViewData(
            kind=self.spec.kind,
            title=self.title(data, metric, task),
            source=Frame.of(COLUMNS, lines),
            reading=f"{metric.label} of all rows: the worst and the best of the seeds.",
        )
