"""Why results on a dataset cannot be compared with published values."""

from collections.abc import Mapping

from ctrbench.places import card_name
from ctrbench.report.published import STANDS_FOR
from ctrbench.store.record import DataFacts


def why_not_comparable(not_comparable: Mapping[str, str], facts: DataFacts) -> str | None:
    """Why results on a dataset cannot be compared with published values; None if they can."""
    if facts.dataset in not_comparable:
        return not_comparable[facts.dataset]
    if facts.synthetic:
        private = STANDS_FOR.get(card_name(facts.dataset))
        return "simulated data" + (f" in place of the private {private}" if private else "")
    return None
