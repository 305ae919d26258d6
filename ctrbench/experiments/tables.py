"""What a recipe says of the table it answers to, and the records that fill the table."""

from pydantic import Field

from ctrbench.strict import Strict


class TableSpec(Strict):
    """A table: which records belong together, and which published values lie beside them."""

    name: str
    """Of the recipe."""
    title: str
    paper: str | None = None
    """Citation in one line."""
    published: str | None = None
    """A file of ``ctrbench/published`` without its ending, such as ``aqcl_table2``; None where nothing is published."""
    label: str = "click"
    """The label that was trained and measured."""
    base: str = "plain"
    """The method that the others are compared with, on the same backbone."""
    search_trials: int = Field(0, ge=0)
    """Trials of the search of settings, the same number for every method of the table."""
    not_comparable: dict[str, str] = Field(default_factory=dict)
    """Dataset -> why its rows do not answer to the published ones (private data, other protocol)."""
