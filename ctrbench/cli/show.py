"""``ctrbench show``."""


def show() -> None:
    """Placeholder."""
