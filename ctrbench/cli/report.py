"""``ctrbench report``."""


def report() -> None:
    """Placeholder."""
