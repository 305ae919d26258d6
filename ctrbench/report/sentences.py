"""One sentence for every published effect that ours contradicts or leaves open."""

from collections.abc import Iterable

from ctrbench.report.cells import Cell


def told(cells: Iterable[Cell], by: str) -> list[str]:
    """The sentences of one section's cells, whose published values are ``by`` somebody; none where ours agrees or no
    effect is published."""
    return [_sentence(cell, by) for cell in cells if cell.agreement in ("contradicts", "open")]


def _sentence(cell: Cell, by: str) -> str:
    interval = cell.delta_interval
    assert interval
    assert cell.published_delta is not None
    name = cell.method + (f" ({cell.variant})" if cell.variant else "")
    ours = f"our {cell.base_delta:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
    if cell.agreement == "contradicts":
        return f"{name}, {cell.group}: {by}'s {cell.published_delta:+.4f} lies outside {ours}."
    return f"{name}, {cell.group}: {by}'s {cell.published_delta:+.4f} lies inside {ours}; {_decision(cell, by)}."


def _decision(cell: Cell, by: str) -> str:
    if not cell.published_delta:
        return f"{by}'s methods do not differ"
    if cell.seeds_to_decide is None:
        return "no number of seeds would tell it from 0, since the sample of test users is too small"
    return f"about {cell.seeds_to_decide} seeds would tell it from 0"
