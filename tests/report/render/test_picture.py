"""A drawing as a file: whole, and with the same bytes each time."""

import io

import pytest
from matplotlib.image import imread

from ctrbench.report.render.picture import drawn
from ctrbench.report.views.style import panels


def with_a_legend_beside(letters):
    figure, grid = panels(1, 1, width=7.5)
    grid[0][0].plot([0, 1], [0, 1], label="x" * letters)
    grid[0][0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@pytest.mark.parametrize("letters", range(20, 44, 3))
def test_a_legend_beside_the_panel_is_not_cut(letters):
    content = drawn(lambda: with_a_legend_beside(letters), "png", title="Title", note="Note.")
    assert (imread(io.BytesIO(content))[:, -1] == 1).all()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_drawing_has_the_same_bytes(ending):
    once, again = (drawn(lambda: with_a_legend_beside(30), ending, title="Title", note="Note.") for _ in range(2))
    assert once == again
