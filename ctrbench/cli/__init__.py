"""The command line: one file per verb, no logic; nothing heavy is imported before a verb runs."""

import io
import sys

import typer

from ctrbench.cli import cohorts, doctor, listing, measure, prepare, report, results, run, search, show
from ctrbench.errors import CtrbenchError

INTERRUPTED = 130
"""Exit status after Ctrl-C."""

app = typer.Typer(
    name="ctrbench",
    help="Regenerates the tables of papers on CTR prediction for cold-start users and minority cohorts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("prepare")(prepare.prepare)
app.command("run")(run.run)
app.command("search")(search.search)
app.command("cohorts")(cohorts.cohorts)
app.command("measure")(measure.measure)
app.command("report")(report.report)
app.add_typer(results.app, name="results")
app.command("list")(listing.list_names)
app.command("show")(show.show)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Runs ``ctrbench``: a :class:`CtrbenchError`, or an error of the operating system such as a full disk or a missing
    permission, gives one line and exit status 1, Ctrl-C exit status 130."""
    _accept_any_character()
    try:
        try:
            app()
        finally:
            # Else the interpreter would do it, and a full disk would end in a traceback.
            if sys.stdout is not None:  # None: closed by the caller
                sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except OSError as error:
        _drop_output()
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except CtrbenchError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except SystemExit as end:
        # Typer has turned the KeyboardInterrupt into this.
        if end.code == INTERRUPTED:
            print("interrupted; rerun the command to resume", file=sys.stderr)  # noqa: T201
        raise


def _drop_output() -> None:
    """Forgets what standard output still holds, so that the interpreter's end does not try to write it once more."""
    sys.stdout = io.StringIO()


def _accept_any_character() -> None:
    """Replaces characters that the encoding of a terminal or pipe lacks by question marks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
