"""How far each dataset is on this machine."""

from pathlib import Path
from typing import Literal

from ctrbench.data.schema import MANIFEST
from ctrbench.prepare.card import Card

State = Literal["card only", "downloaded", "prepared"]


def state(card: Card, data: Path) -> State:
    """What there is of a dataset below ``data``; whether it is intact, ``verify_files`` says."""
    if (data / card.name / MANIFEST).is_file():
        return "prepared"
    files = [data / "downloads" / source.file for source in card.sources]
    return "downloaded" if files and all(path.is_file() for path in files) else "card only"
