"""``ctrbench doctor``."""


def doctor() -> None:
    """Placeholder."""
