"""What all users share: interest clusters, the catalogue, the exposure table and the effects of cohorts.

Interest clusters have random unit centres; cluster c is an interest of a user of age a with log-odds
``cluster_spread * N(c) + age_interest_spread * N(a, c)``, each N a standard normal draw, so that cohorts differ in
taste and not only in how often they click.

Shape: V items, C clusters, D dimensions, A ages, S surfaces.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ctrbench.prepare.oncold.catalogue import Items, make_items
from ctrbench.prepare.oncold.interests import Leanings, draw_leanings
from ctrbench.prepare.oncold.settings import Parameters
from ctrbench.prepare.oncold.streams import unit, world_stream


@dataclass(frozen=True)
class ExposureTable:
    """Cumulative exposure weights of the items that are launched on each day, cluster by cluster."""

    order: np.ndarray
    """(V,) items sorted by cluster."""
    cumulative: np.ndarray
    """(days * V,) day + cumulative share of the day's items in ``order``: ascending over all days."""
    edges: np.ndarray
    """(days, C + 1) cumulative share at which each cluster begins and ends."""

    @classmethod
    def of(cls, items: Items, days: int, clusters: int) -> "ExposureTable":
        """The table of a catalogue."""
        order = np.argsort(items.cluster, kind="stable")
        launched = items.launch[order] <= np.arange(days)[:, None]
        cumulative = np.cumsum(launched * items.weight[order], axis=1)
        cumulative /= cumulative[:, -1:]
        ends = np.searchsorted(items.cluster[order], np.arange(clusters), side="right") - 1
        edges = np.concatenate([np.zeros((days, 1)), cumulative[:, ends]], axis=1)
        return cls(order, (cumulative + np.arange(days)[:, None]).ravel(), edges)

    def draw(self, day: np.ndarray, low: np.ndarray, high: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Items (n,) of each ``day`` (n,) between two cumulative shares (n,), from uniform numbers (n,) in [0, 1)."""
        # The margin keeps rounding from reaching the first item beyond ``high``.
        share = low + (high - low) * np.minimum(uniform, 1 - 1e-9)
        position = np.searchsorted(self.cumulative, day + share, side="right") - day * len(self.order)
        return self.order[position]


@dataclass(frozen=True)
class World:
    """Drawn once per seed; see the module."""

    centres: np.ndarray
    """(C, D) of length 1."""
    interest: np.ndarray
    """(A, C) log-odds of each cluster as an interest."""
    profiles: Leanings
    """Those that users may share (module ``interests``)."""
    items: Items
    exposure: ExposureTable
    age_surface: np.ndarray
    """(A, S) log-odds of a real click."""


@lru_cache(maxsize=1)
def make_world(settings: Parameters, items: int, seed: int) -> World:
    """Draws the world; cached, since all blocks of a process need the same world."""
    stream = world_stream(seed)
    catalogue, ages = settings.catalogue, len(settings.population.ages)
    centres = unit(stream.standard_normal((catalogue.clusters, catalogue.dimensions)))
    popularity = catalogue.cluster_spread * stream.standard_normal(catalogue.clusters)
    preference = catalogue.age_interest_spread * stream.standard_normal((ages, catalogue.clusters))
    age_surface = stream.standard_normal((ages, len(settings.behaviour.surfaces)))
    made = make_items(
        catalogue,
        items=items,
        days=settings.days,
        cluster_popularity=np.exp(popularity),
        centres=centres,
        stream=stream,
    )
    return World(
        centres=centres,
        interest=popularity + preference,
        # A stream of its own leaves all other draws as they are.
        profiles=draw_leanings(settings, settings.population.profiles, stream.spawn(1)[0]),
        items=made,
        exposure=ExposureTable.of(made, settings.days, catalogue.clusters),
        age_surface=settings.behaviour.age_surface_spread * age_surface,
    )
