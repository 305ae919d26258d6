import itertools

import numpy as np
import pytest

from ctrbench.prepare.oncold.settings import Parameters


@pytest.fixture(scope="module")
def items(plan):
    return plan.world().items


def test_weights_are_zipf(plan, items):
    expected = np.arange(1, plan.items + 1) ** -plan.parameters.catalogue.zipf
    assert np.sort(items.weight)[::-1] == pytest.approx(expected)


def test_every_cluster_can_be_shown_from_the_first_day(plan, items):
    launched = items.cluster[items.launch == 0]
    assert len(np.unique(launched)) == plan.parameters.catalogue.clusters


def test_some_items_are_launched_later(plan, items):
    share = plan.parameters.catalogue.launched_later
    assert (items.launch > 0).mean() == pytest.approx(share, abs=0.05)
    assert items.launch.max() < plan.parameters.days


def test_advertisers_differ_in_size_and_are_never_divided(items):
    counts = np.bincount(items.advertiser, minlength=items.advertisers)
    assert counts.max() > 10 * np.median(counts[counts > 0])
    for advertiser in np.unique(items.advertiser):
        assert len(np.unique(items.size[items.advertiser == advertiser])) == 1
    by_group = [counts[items.advertiser[items.size == group]] for group in range(4)]
    assert all(low.max() < high.min() for low, high in itertools.pairwise(by_group))


def test_popular_items_are_better_on_average(items):
    assert 0.3 < np.corrcoef(np.log(items.weight), items.quality)[0, 1] < 0.9


def test_categories_are_unions_of_clusters(items):
    for cluster in np.unique(items.cluster):
        assert len(np.unique(items.category[items.cluster == cluster])) == 1
    assert len(np.unique(items.category)) < len(np.unique(items.cluster))


def test_no_simulation_has_fewer_items_than_clusters(card):
    parameters = Parameters.read(card.options, "options")
    assert parameters.items_at(1e-9) == parameters.catalogue.clusters
