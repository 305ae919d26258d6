"""Items: taste vectors, popularity, launch days, advertisers.

An item of cluster c has the taste vector ``unit(centre_c + noise)``, the exposure weight ``rank ** -zipf`` from its
launch day on, and the log-odds ``quality = quality_spread * (r * g + sqrt(1 - r^2) * e) + advertiser's own``, with g
the standardised log weight, e standard normal and r ``quality_popularity_correlation``.

Shape: V items (row 0 is the first item, id 1), C clusters, D dimensions.
"""

from dataclasses import dataclass

import numpy as np

from ctrbench.prepare.oncold.settings import Catalogue
from ctrbench.prepare.oncold.streams import categorical, unit


@dataclass(frozen=True)
class Items:
    """The catalogue; every array is in the order of item ids."""

    cluster: np.ndarray
    """(V,) code of the interest cluster."""
    vector: np.ndarray
    """(V, D) of length 1."""
    weight: np.ndarray
    """(V,) exposure weight once launched."""
    launch: np.ndarray
    """(V,) first day on which the item is shown."""
    quality: np.ndarray
    """(V,) log-odds of a real click, its advertiser's share included."""
    conversion: np.ndarray
    """(V,) log-odds of a conversion."""
    category: np.ndarray
    """(V,) code."""
    advertiser: np.ndarray
    """(V,) code."""
    advertisers: int
    """Number of advertisers, those without items included."""
    size: np.ndarray
    """(V,) code of the advertiser's size group."""


def make_items(
    settings: Catalogue,
    *,
    items: int,
    days: int,
    cluster_popularity: np.ndarray,
    centres: np.ndarray,
    stream: np.random.Generator,
) -> Items:
    """Draws the catalogue for clusters with popularity (C,) and centres (C, D)."""
    cluster = categorical(cluster_popularity, stream.random(items))
    launch = np.where(stream.random(items) < settings.launched_later, stream.integers(1, days, items), 0)
    # Every cluster always has an item to show.
    founders = stream.permutation(items)[: settings.clusters]
    cluster[founders], launch[founders] = np.arange(settings.clusters), 0
    noise = stream.standard_normal((items, settings.dimensions)) / np.sqrt(settings.dimensions)
    weight = (1.0 + stream.permutation(items)) ** -settings.zipf
    advertisers = max(1, round(items / settings.items_per_advertiser))
    advertiser = categorical(1 / (1.0 + np.arange(advertisers)), stream.random(items))
    own = settings.advertiser_spread * stream.standard_normal(advertisers)
    return Items(
        cluster=cluster,
        vector=unit(centres[cluster] + settings.item_noise * noise),
        weight=weight,
        launch=launch,
        quality=_quality(settings, weight, stream) + own[advertiser],
        conversion=settings.conversion_spread * stream.standard_normal(items),
        category=cluster % settings.categories,
        advertiser=advertiser,
        advertisers=advertisers,
        size=_size_groups(np.bincount(advertiser, minlength=advertisers)[advertiser], len(settings.sizes)),
    )


def _quality(settings: Catalogue, weight: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    popularity = np.log(weight) - np.log(weight).mean()
    popularity /= max(float(popularity.std()), np.finfo(float).tiny)
    correlation = settings.quality_popularity_correlation
    chance = stream.standard_normal(len(weight))
    return settings.quality_spread * (correlation * popularity + np.sqrt(1 - correlation**2) * chance)


def _size_groups(item_counts: np.ndarray, groups: int) -> np.ndarray:
    """Group (V,) of each item by its advertiser's number of items (V,); an advertiser is never divided."""
    cuts = np.quantile(item_counts, np.arange(1, groups) / groups, method="higher")
    return np.searchsorted(cuts, item_counts, side="left")
