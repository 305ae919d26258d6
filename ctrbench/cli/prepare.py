"""``ctrbench prepare``."""


def prepare() -> None:
    """Placeholder."""
