"""The parameters of the simulated world: section ``[options]`` of the card ``oncold-sim``.

Source: no data of AQCL's Oncold are public; sizes follow table 1 of the paper, everything else is chosen. The modules
named below state the formulas. *Log-odds* means: added to the logit of a probability.
"""

import datetime
import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ctrbench.strict import Strict

SECONDS_PER_DAY = 86_400

LogOdds = Annotated[float, Field(ge=-50, le=50)]
"""Beyond these a probability is 0 or 1 to the last digit."""
Factor = Annotated[float, Field(gt=0, le=1000)]
Share = Annotated[float, Field(gt=0, le=1e6)]
"""A share of the sum of all shares, which need not be 1."""
Spread = Annotated[float, Field(ge=0, le=100)]
Correlation = Annotated[float, Field(ge=-1, le=1)]
Part = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Users = Annotated[int, Field(ge=1, le=100_000_000)]
"""Number of users at scale 1: the largest scale has ten times as many, and ids are int32."""


class Age(Strict):
    """An age group of users."""

    name: str
    share: Share
    """Share of the users."""
    click: LogOdds
    """Log-odds of a real click."""
    taste: Factor
    """Factor on the weight of taste: above 1 the group's clicks depend more on what its users like, below 1 less."""


class Surface(Strict):
    """A place where impressions are shown."""

    name: str
    share: Share
    """Share of the impressions."""
    click: LogOdds
    """Log-odds of a real click."""
    taste: Factor
    """Factor on the weight of taste."""
    accident: float = Field(ge=0, lt=1)
    """Probability of an accidental click, whatever is shown."""


class Segment(Strict):
    """One of several equally large groups, of users by value or of items by their advertiser's size, lowest first."""

    name: str
    click: LogOdds
    """Log-odds of a real click."""
    taste: Factor
    """Factor on the weight of taste."""
    conversion: LogOdds
    """Log-odds of a conversion after a real click."""


class Population(Strict):
    """The users (module ``population``)."""

    users: Users
    """Number of users at scale 1; other scales multiply it."""
    impressions_per_user: float = Field(gt=1, le=100_000)
    """Mean over users."""
    activity_spread: float = Field(ge=0, le=5)
    """Standard deviation of log activity (lognormal): larger is a heavier tail of impressions and clicks."""
    late_share: Part
    """Share of users who arrive on a uniform day instead of being present from the first day."""
    interests: Count
    """A user has 1 to this many interest clusters, equally likely, with uniform (Dirichlet) weights."""
    profiles: Count = 20
    """Profiles of interests that users share, where ``clustering`` is above 0."""
    interest_noise: Spread
    """Expected length of the noise on a user's taste vector, before it is scaled to length 1."""
    click_spread: Spread
    """Standard deviation of the users' own log-odds of a real click."""
    value_activity_correlation: Correlation
    """Correlation of a user's value and log activity."""
    ages: tuple[Age, ...] = Field(min_length=1)
    values: tuple[Segment, ...] = Field(min_length=1)
    """User value groups, lowest first."""
    value_percentiles: Count
    """Equal buckets of user value in the finer cohort column (C2AL figure 6 shows 20)."""


class Catalogue(Strict):
    """The items (module ``catalogue``)."""

    items: Users
    """Number of items at scale 1; other scales multiply it by the square root of the scale: items shrink more slowly
    than users, so that a small simulation keeps enough clicks per item."""
    clusters: Count
    """Interest clusters; at least one item each."""
    dimensions: Count
    """Size D of the taste vectors."""
    cluster_spread: Spread
    """Standard deviation of the clusters' log popularity."""
    age_interest_spread: Spread
    """Standard deviation of the log-odds by which an age group prefers each cluster."""
    item_noise: Spread
    """Expected length of the noise on an item's taste vector, before it is scaled to length 1."""
    zipf: float = Field(ge=0, le=10)
    """Exposure weight of the item of popularity rank r is r ** -zipf."""
    launched_later: Part
    """Share of items launched on a uniform later day; they are never shown before."""
    quality_spread: Spread
    """Standard deviation of the items' own log-odds of a real click."""
    quality_popularity_correlation: Correlation
    """Correlation of an item's quality and its log exposure weight."""
    categories: Count
    """Item categories; each is a union of clusters."""
    items_per_advertiser: float = Field(ge=1, le=1e6)
    """Mean number of items per advertiser; advertisers' sizes follow Zipf's law with exponent 1."""
    advertiser_spread: Spread
    """Standard deviation of the advertisers' own log-odds of a real click."""
    conversion_spread: Spread
    """Standard deviation of the items' own log-odds of a conversion."""
    sizes: tuple[Segment, ...] = Field(min_length=1)
    """Advertiser size groups, smallest first, each about the same number of items."""


class Behaviour(Strict):
    """How impressions, clicks and conversions arise (modules ``exposure`` and ``clicks``)."""

    targeted: Part
    """Share of impressions whose cluster the policy draws from the user's interests; the rest follow popularity."""
    daily_rhythm: float = Field(ge=0, lt=1)
    """Amplitude of the daily wave of impressions (highest at 20:00); 0 is flat."""
    click: LogOdds
    """Log-odds of a real click where everything else is 0."""
    click_taste: float = Field(ge=0, le=50)
    """Log-odds of a real click per unit of affinity (a cosine)."""
    click_rate: Part = 0.0
    """Probability of a click on an impression that ``noise`` decides: the mean probability without noise, as measured,
    so that the click rate stays as it is."""
    age_surface_spread: Spread
    """Standard deviation of the log-odds of each pair of age and surface."""
    conversion: LogOdds
    """Log-odds of a conversion after a real click where everything else is 0."""
    conversion_taste: LogOdds
    """Log-odds of a conversion per unit of affinity."""
    surfaces: tuple[Surface, ...] = Field(min_length=1)


class Parameters(Strict):
    """Section ``[options]`` of a card of format ``oncold-sim``."""

    start: datetime.date
    """First day, UTC."""
    days: int = Field(ge=3, le=3650)
    """Length of the simulated time; which days are validation and test is the card's split."""
    clustering: Part = 0.0
    """Share of users whose interests and weights are those of one of ``population.profiles`` shared profiles, instead
    of independent draws (module ``interests``). 0: all independent; 1: every user stands near a profile."""
    history: Factor = 1.0
    """Factor on the impressions per user, by which the number of users is divided: below 1 histories are shorter, above
    1 longer, in about the same number of rows."""
    noise: Part = 0.0
    """Share of impressions whose click says nothing: it falls by chance at ``behaviour.click_rate``, whoever sees
    whatever. It is an accidental click, which never converts."""
    accidents: Literal["as-is"] | Annotated[float, Field(ge=0, lt=1)] = "as-is"
    """Expected share of accidental clicks among the clicks that ``noise`` does not decide (module ``accidents``).
    ``as-is``: the share that the surfaces' own probabilities of an accident give."""
    accidents_by: Literal["surface", "nothing"] = "surface"
    """What explains an accidental click. ``surface``: the surfaces' probabilities of an accident keep their ratios;
    ``nothing``: every impression has the same probability."""
    contrast: Part = 1.0
    """How much of the differences between the cohorts' behaviour is left (module ``contrast``). 1: as the groups below
    have them; 0: all groups react alike."""
    population: Population
    catalogue: Catalogue
    behaviour: Behaviour

    @property
    def epoch(self) -> int:
        """Seconds from 1970 to the first day."""
        start = datetime.datetime.combine(self.start, datetime.time(), datetime.UTC)
        return int(start.timestamp())

    @property
    def impressions_per_user(self) -> float:
        """Mean over users."""
        return self.population.impressions_per_user * self.history

    def users_at(self, scale: float) -> int:
        """Number of users at a scale, at least 1."""
        return max(1, round(self.population.users * scale / self.history))

    def items_at(self, scale: float) -> int:
        """Number of items at a scale, at least one per interest cluster."""
        return max(self.catalogue.clusters, round(self.catalogue.items * math.sqrt(scale)))

    @model_validator(mode="after")
    def _users_see_something(self) -> Self:
        if self.impressions_per_user <= 1:
            raise ValueError(
                f"history {self.history:g} leaves {self.impressions_per_user:.3g} impressions per user; a user has at "
                "least 1, and the mean must be above: raise history"
            )
        return self
