"""``ctrbench run``."""


def run() -> None:
    """Placeholder."""
