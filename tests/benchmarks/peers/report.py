"""From CPU seconds by round to ratios, verdicts and the page; no number is rounded in our favour."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tabulate import tabulate

from tests.benchmarks.peers.libraries import Library


@dataclass
class Laps:
    """What one comparison measured."""

    ours: str
    """The contestant that the others are compared with."""
    seconds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """Contestant -> for each round, CPU seconds and other values by name."""
    failures: dict[str, str] = field(default_factory=dict)
    """Rival -> why there is no number of it."""

    def add(self, contestant: str, measured: dict[str, float]) -> None:
        """Adds a round of a contestant."""
        self.seconds.setdefault(contestant, []).append(measured)

    def fail(self, rival: str, reason: str) -> None:
        """Gives a rival up: the rounds that it ran are not comparable any more."""
        self.failures.setdefault(rival, reason)
        self.seconds.pop(rival, None)

    def ratios(self, contestant: str, what: str) -> list[float]:
        """A contestant's value over ours in each round."""
        pairs = zip(self.seconds[contestant], self.seconds[self.ours], strict=True)
        return [of_contestant[what] / of_ours[what] for of_contestant, of_ours in pairs]

    def median(self, contestant: str, what: str) -> float:
        """Of a contestant's values over the rounds."""
        return statistics.median(measured[what] for measured in self.seconds[contestant])

    def fastest(self, rivals: list[Library], what: str) -> tuple[str, float] | None:
        """The rival with the smallest median ratio, and that ratio; None where no rival ran."""
        medians = [
            (statistics.median(self.ratios(rival.name, what)), rival.name)
            for rival in rivals
            if rival.name in self.seconds
        ]
        ratio, name = min(medians, default=(math.nan, ""))
        return (name, ratio) if name else None


def down(value: float, digits: int = 2) -> float:
    """The value, not rounded up."""
    return math.floor(value * 10**digits) / 10**digits


def up(value: float, digits: int = 3) -> float:
    """The value, not rounded down."""
    return math.ceil(value * 10**digits) / 10**digits


def goal(task: str, laps: Laps, rivals: list[Library], what: str, limit: float) -> list[object]:
    """One line of verdicts: the fastest rival's CPU seconds over ours, the limit, and whether it holds."""
    found = laps.fastest(rivals, what)
    if found is None:
        return [f"{task}: no rival could be measured", "", f">= {limit:g}", "FAILS"]
    name, ratio = found
    verdict = "holds" if ratio >= limit else "FAILS"
    return [f"{task}: CPU seconds of the fastest ({name}) over ours", down(ratio), f">= {limit:g}", verdict]


def table(laps: Laps, rivals: list[Library], what: list[str], extra: dict[str, Callable[[float], float]]) -> str:
    """One line per contestant: median seconds and the ratio to ours, median (least to most) over the rounds.

    ``extra`` names further values, whose median is shown, with what rounds them.
    """
    lines: list[list[object]] = []
    ours = [name for name in laps.seconds if name not in {rival.name for rival in rivals}]
    for name in [*ours, *(rival.name for rival in rivals)]:
        if name in laps.failures:
            lines.append([name, laps.failures[name]])
            continue
        line: list[object] = [name]
        for column in what:
            ratios = laps.ratios(name, column)
            middle, least, most = (down(value) for value in (statistics.median(ratios), min(ratios), max(ratios)))
            seconds = laps.median(name, column)
            rounded = up(seconds) if name in ours else down(seconds, 3)
            line += [f"{rounded:.3f}", f"{middle:.2f} ({least:.2f} to {most:.2f})"]
        line += [rounding(laps.median(name, column)) for column, rounding in extra.items()]
        lines.append(line)
    headers = ["library", *(part for column in what for part in (f"{column}, s", "over ours")), *extra]
    return tabulate(lines, headers, tablefmt="github", disable_numparse=True)


def notes(rivals: list[Library]) -> str:
    """What was chosen for each rival."""
    return "\n".join(f"- {rival.name}: {rival.note}" for rival in rivals)
