"""``ctrbench results pack`` and ``ctrbench results verify``."""

import typer

from ctrbench import places
from ctrbench.cli.options import Results
from ctrbench.errors import CtrbenchError

app = typer.Typer(no_args_is_help=True, help="The archive of records: adds finished jobs to it, and checks it.")


@app.command("pack")
def pack(results: Results = None) -> None:
    """Moves the records of finished jobs into results/records, ready to be committed; predictions stay in place."""
    from ctrbench.store.pack import pack as pack_records
    from ctrbench.store.store import Store

    packed = pack_records(Store.of(places.results_folder(results)))
    typer.echo(f"{packed.records} records and {packed.references} reference rows packed")
    for file in packed.files:
        typer.echo(f"  records/{file}")


@app.command("verify")
def verify(results: Results = None) -> None:
    """Checks every record: its identity, bounds and groups, its file, and its order there."""
    from ctrbench.store.store import Store
    from ctrbench.store.verify import faults

    archive = Store.of(places.results_folder(results)).archive
    found = list(faults(archive))
    for fault in found:
        typer.echo(f"FAULT  {fault}", err=True)
    if found:
        raise CtrbenchError(f"{archive.folder}: {len(found)} fault{'s' if len(found) > 1 else ''}; see above")
    count = sum(1 for _ in archive.all_records())
    typer.echo(f"{archive.folder}: {count} records in {len(archive.files())} files, intact")
