"""``ctrbench search``."""


def search() -> None:
    """Placeholder."""
