"""``ctrbench listing``."""


def list_names() -> None:
    """Placeholder."""
