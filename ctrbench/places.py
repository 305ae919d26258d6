"""The folders of downloads, prepared data and results, and of the cards and recipes that ship with the package."""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent


def data_folder(option: Path | None = None) -> Path:
    """The folder of downloads and prepared data: the option, else ``CTRBENCH_DATA``, else ``datasets/``."""
    return option or Path(os.environ.get("CTRBENCH_DATA", "datasets"))


def results_folder(option: Path | None = None) -> Path:
    """The folder of records, best settings and figures: the option, else ``CTRBENCH_RESULTS``, else ``results/``."""
    return option or Path(os.environ.get("CTRBENCH_RESULTS", "results"))


def shipped(kind: str) -> Path:
    """The folder of shipped ``datasets`` cards or ``recipes``: in an installed wheel, or at the clone's top."""
    inside = PACKAGE / "shipped" / kind
    return inside if inside.is_dir() else PACKAGE.parent / kind


EXAMPLES = {"example-card", "minimal-card"}
"""Cards to copy, shipped with the cards of datasets."""


def cards() -> dict[str, Path]:
    """The shipped dataset cards by name; the examples to copy are not among them."""
    paths = sorted(shipped("datasets").glob("*.toml"))
    return {path.stem: path for path in paths if path.stem not in EXAMPLES}


def card_name(dataset: str) -> str:
    """A dataset's name without its changes, which names its card: ``amazon-beauty@ties=apart`` -> ``amazon-beauty``."""
    return dataset.partition("@")[0]


def prepare_command(name: str) -> str:
    """The command that prepares a dataset; a user's own dataset needs its file and card."""
    return f"ctrbench prepare {name}" + ("" if card_name(name) in cards() else " --source FILE --card CARD")


def recipe_argument(recipe: str) -> str:
    """What a command calls a recipe of which only the name is known: a user's own by its file, wherever that lies."""
    known = (shipped("recipes") / f"{recipe}.toml").is_file()
    return recipe if known else f"…/{recipe}.toml"


def search_command(recipe: str) -> str:
    """The command that searches a recipe of which only the name is known."""
    return f"ctrbench search {recipe_argument(recipe)}"
