"""Facts of many rows, each told once for the names that decide it: dataset, backbone, method, variant, or several."""

import itertools
from collections.abc import Iterable, Sequence

Place = tuple[str, ...]
"""The parts of a row's name."""


def shared(facts: Iterable[tuple[str, str]]) -> str:
    """Each distinct text once, with the names it holds for; without names if it holds for all."""
    facts = list(facts)
    texts = {text for _, text in facts}
    return next(iter(texts)) if len(texts) == 1 else told(facts)


def told(facts: Iterable[tuple[str, str]]) -> str:
    """Each distinct text once, with the names it holds for."""
    holders: dict[str, dict[str, None]] = {}
    for name, text in facts:
        holders.setdefault(text, {})[name] = None
    return "; ".join(", ".join(names) + ": " * any(names) + text for text, names in holders.items())


def told_by_place(places: Sequence[Place], texts: Sequence[str]) -> str:
    """Each distinct text once, with its places, named by the fewest parts that decide the text."""
    parts = deciding(places, texts)
    return told((label(place, parts), text) for place, text in zip(places, texts, strict=True))


def deciding(places: Sequence[Place], values: Sequence[str | None]) -> tuple[int, ...]:
    """The fewest parts that decide the value: places that agree in these parts have the same value."""
    parts = varying(places)
    subsets = itertools.chain.from_iterable(itertools.combinations(parts, size) for size in range(len(parts) + 1))
    return next(subset for subset in subsets if _decides(subset, places, values))


def _decides(subset: Sequence[int], places: Sequence[Place], values: Sequence[str | None]) -> bool:
    """Whether rows that agree in these parts of their places agree in a setting."""
    seen: dict[Place, str | None] = {}
    keys = (tuple(place[part] for part in subset) for place in places)
    return all(seen.setdefault(key, value) == value for key, value in zip(keys, values, strict=True))


def labels(places: Sequence[Place], among: Sequence[Place]) -> list[str]:
    """The label of each place, made of the parts in which the places of ``among`` differ."""
    return [label(place, varying(among)) for place in places]


def varying(places: Sequence[Place]) -> list[int]:
    """The parts in which places differ."""
    return [part for part in range(len(places[0])) if len({place[part] for place in places}) > 1]


def label(place: Place, parts: Sequence[int]) -> str:
    """The label of a place, made of some of its parts."""
    return " · ".join(place[part] for part in parts)
