"""The exceptions that a user is meant to read."""


class CtrbenchError(Exception):
    """A problem that the user can mend: the message is one line that names the thing, the place and the way out.

    The command line prints it without a traceback and exits with status 1.
    """


class NothingToShowError(CtrbenchError):
    """The records lack what a view of a report needs; the report's other views can do without."""


class DivergedError(CtrbenchError):
    """A loss or a prediction is not a finite number; the same run would fail again."""
