"""A document as one line of JSON, the form of records, facts and reference rows in the archive and the work folder.

Epochs are stored by column, and values equal to a default are left out. Numbers are written with the fewest digits that
give the same number back.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.store.record import Record
from ctrbench.strict import Strict

T = TypeVar("T", bound=Strict)


def read_lines(path: Path, model: type[T]) -> list[T]:
    """The documents of a file, in its order; empty if the file does not exist.

    Raises:
        CtrbenchError: the file cannot be read or is empty, or a line is damaged.
    """
    if not path.exists():
        return []
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error}); restore the file from git") from None
    if not text:
        raise CtrbenchError(f"{path}: it is empty; restore it from git")
    # Not splitlines, which also breaks lines at separators within a JSON string.
    lines = text.removesuffix("\n").split("\n")
    return [_parsed(line, model, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def write_lines(path: Path, documents: Iterable[Strict]) -> None:
    """Writes a file whole, one line for each document.

    Raises:
        OSError: the file cannot be written.
    """
    replace_file(path, "".join(f"{line_of(document)}\n" for document in documents))


def line_of(document: Strict) -> str:
    """The line of a document."""
    return json.dumps(plain(document), separators=(",", ":"), ensure_ascii=False)


def plain(document: Strict) -> dict[str, Any]:
    """The content of a document's line."""
    found = document.model_dump(mode="json", exclude_defaults=True)
    return _with_epochs(found, _columns) if isinstance(document, Record) else found


def parse_record(document: Any, where: str) -> Record:
    """A record from the result of :func:`plain`.

    Raises:
        CtrbenchError: the record is damaged, or its content does not match its identity.
    """
    try:
        document = _with_epochs(document, _epochs)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise CtrbenchError(f"{where}: not a record; restore the file from git, or repeat the job") from None
    record = Record.read(document, where, ours=True)
    try:
        own = record.own_identity()
    except ValueError:  # a setting that is not finite
        own = None
    if own != record.identity:
        raise CtrbenchError(
            f"{where}: settings or data do not match job {record.identity[:12]}; restore the file from git, or "
            "repeat the job"
        )
    return record


def _parsed(line: str, model: type[T], where: str) -> T:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CtrbenchError(f"{where}: not JSON ({error}); restore the file from git") from None
    if model is Record:
        return parse_record(document, where)  # type: ignore[return-value]
    return model.read(document, where)


def _with_epochs(record: dict[str, Any], form: Callable[[Any], Any]) -> dict[str, Any]:
    """A record's document, with the epochs of all its models in another form."""
    changed = {"epochs": form(record["epochs"])}
    if "further_models" in record:
        changed["further_models"] = [_with_epochs(model, form) for model in record["further_models"]]
    return {**record, **changed}


def _columns(epochs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """List of nested dictionaries -> nested dictionary of lists, None where an epoch lacks the key; epochs are numbered
    from 1, so their number is left out."""
    samples = {key: value for epoch in epochs for key, value in epoch.items() if key != "epoch"}
    return {
        key: _columns([epoch.get(key, {}) for epoch in epochs])
        if isinstance(value, dict)
        else [epoch.get(key) for epoch in epochs]
        for key, value in samples.items()
    }


def _epochs(columns: dict[str, Any]) -> list[dict[str, Any]]:
    count = len(columns["loss"])
    epochs = [{"epoch": place + 1, **_row(columns, place, count)} for place in range(count)]
    for epoch in epochs:
        # A part of the loss may begin or end with an epoch; its values are numbers.
        epoch["parts"] = {name: value for name, value in epoch["parts"].items() if value is not None}
    return epochs


def _row(columns: dict[str, Any], place: int, count: int) -> dict[str, Any]:
    found = {}
    for key, value in columns.items():
        if isinstance(value, dict):
            found[key] = _row(value, place, count)
        elif len(value) == count:
            found[key] = value[place]
        else:
            raise ValueError(f"{key}: {len(value)} values for {count} epochs")
    return found
