from pathlib import Path

from ctrbench.prepare.datasets import state
from tests.prepare.conftest import MakeCard, PrepareText


def test_state_goes_from_card_to_downloads_to_prepared(
    tmp_path: Path, make_card: MakeCard, prepare_text: PrepareText
) -> None:
    card, data = make_card(sources=[{"file": "mine.csv"}, {"file": "meta.csv"}]), tmp_path / "data"
    assert state(card, data) == "card only"
    (data / "downloads").mkdir(parents=True)
    (data / "downloads" / "mine.csv").touch()
    assert state(card, data) == "card only"
    (data / "downloads" / "meta.csv").touch()
    assert state(card, data) == "downloaded"
    prepare_text()
    assert state(card, data) == "prepared"


def test_simulated_data_are_never_downloaded(tmp_path: Path, make_card: MakeCard) -> None:
    assert state(make_card(sources=[], synthetic=True), tmp_path) == "card only"
