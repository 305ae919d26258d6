"""Which interest clusters a user has, and how much each weighs.

The interests of a user are the clusters with the largest ``log-odds + chance``, chance a Gumbel draw for each cluster:
a draw without replacement. A user has 1 to I of them, equally likely, with Dirichlet weights. ``clustering`` is the
share of users whose chance and weights are not draws for them alone but those of a profile that they share: the profile
moves together all users who have it, whatever their age group prefers. Each user alone is distributed as before.

Shape: U users, P profiles, I most interests a user can have, C clusters.
"""

from dataclasses import dataclass

import numpy as np

from ctrbench.prepare.oncold.settings import Parameters


@dataclass(frozen=True)
class Leanings:
    """What decides the interests besides the preferences of an age group; n users or profiles."""

    chance: np.ndarray
    """(n, C) Gumbel."""
    weights: np.ndarray
    """(n, I) sum to 1; 0 beyond the number of interests."""

    def of(self, chosen: np.ndarray) -> "Leanings":
        """Those at the positions (m,)."""
        return Leanings(self.chance[chosen], self.weights[chosen])

    def ranked(self, preference: np.ndarray) -> np.ndarray:
        """Clusters (n, I), the strongest interest first, given the log-odds (n, C) of each cluster."""
        order = np.argsort(-(preference + self.chance), axis=1, kind="stable")
        return order[:, : self.weights.shape[1]]


def draw_leanings(settings: Parameters, count: int, stream: np.random.Generator) -> Leanings:
    """Independent leanings of ``count`` users or profiles."""
    clusters = settings.catalogue.clusters
    most = min(settings.population.interests, clusters)
    chance = stream.gumbel(size=(count, clusters))
    weights = stream.standard_exponential((count, most))
    weights[np.arange(most) >= stream.integers(1, most + 1, count)[:, None]] = 0
    return Leanings(chance, weights / weights.sum(axis=1, keepdims=True))


def share_profiles(own: Leanings, profiles: Leanings, clustering: float, stream: np.random.Generator) -> Leanings:
    """The leanings of users: those of a random profile for the share ``clustering`` of them, else their own.

    With equal streams, the users who share a profile at some clustering share it at every larger one.
    """
    users = len(own.chance)
    shares = stream.random(users) < clustering
    of_profile = profiles.of(stream.integers(0, len(profiles.chance), users))
    return Leanings(
        np.where(shares[:, None], of_profile.chance, own.chance),
        np.where(shares[:, None], of_profile.weights, own.weights),
    )
