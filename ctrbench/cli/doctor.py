"""``ctrbench doctor``."""

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Results
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.store.store import Store


def doctor(data: Data = None, results: Results = None) -> None:
    """Checks versions, device, threads, whether results can be written, and whether records and data are intact."""
    problems = 0
    for name, found in (*_machine(), *_folders(places.data_folder(data), places.results_folder(results))):
        problems += isinstance(found, CtrbenchError)
        typer.echo(f"{'FAULT' if isinstance(found, CtrbenchError) else 'ok':5}  {name}: {found}")
    if problems:
        raise CtrbenchError(f"{problems} fault{'s' if problems > 1 else ''} found; see above for how to mend each")


def _machine() -> Iterator[tuple[str, str]]:
    import joblib
    import torch

    import ctrbench
    from ctrbench.backbones.kernels import INSTALL, numba_problem, numba_version

    yield "ctrbench", ctrbench.__version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "torch", torch.__version__
    cuda = torch.cuda.is_available()
    yield "device", f"cuda, {torch.cuda.get_device_name()}" if cuda else "cpu (torch sees no CUDA device)"
    absent = numba_problem()
    yield "kernels", f"reference ({absent}; to fuse them: {INSTALL})" if absent else f"fused by numba {numba_version()}"
    yield "cores", f"{joblib.cpu_count()}: that many jobs side by side, one thread each"


def _folders(data: Path, results: Path) -> Iterator[tuple[str, str | CtrbenchError]]:
    from ctrbench.data.integrity import verify_files
    from ctrbench.data.schema import read_manifest
    from ctrbench.planning.rows import prepared_names
    from ctrbench.store.store import Store

    store = Store.of(results)
    try:
        store.work.require_writable()
        yield f"results folder {results}", "writable"
    except CtrbenchError as error:
        yield f"results folder {results}", error
    yield from _records(store, results)
    names = prepared_names(data)
    if not names:
        yield f"data folder {data}", "no dataset is prepared; ctrbench prepare amazon-beauty"
    for name in names:
        try:
            manifest = read_manifest(data / name)
            verify_files(data / name, manifest)
            yield f"data {data / name}", f"intact, fingerprint {manifest.fingerprint[:12]}"
        except CtrbenchError as error:
            yield f"data {data / name}", error


def _records(store: "Store", results: Path) -> Iterator[tuple[str, str | CtrbenchError]]:
    """One line for all records and best settings that are intact, and one for each fault."""
    from ctrbench.store.best_settings import read_best_settings
    from ctrbench.store.verify import faults

    broken = list(faults(store.archive))
    yield from (("record", error) for error in broken)
    unpacked = 0
    for identity in store.work.identities():
        try:
            store.work.read(identity)
            unpacked += 1
        except CtrbenchError as error:
            yield "record", error
    if not broken:
        yield "records", f"{sum(1 for _ in store.archive.all_records())} in the archive, {unpacked} not packed, intact"
    try:
        yield "best settings", f"of {len(read_best_settings(results).results)} rows, intact"
    except CtrbenchError as error:
        yield "best settings", error
