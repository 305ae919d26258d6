"""Collects the problems of a card and its file, so that a user can mend all of them at once."""

import contextlib
from collections.abc import Iterator

from ctrbench.errors import CtrbenchError


class SeveralProblemsError(CtrbenchError):
    """Several problems in one line."""

    def __init__(self, where: str, messages: list[str]) -> None:
        bare = [message.removeprefix(f"{where}: ") for message in messages]
        numbered = "; ".join(f"({number}) {message}" for number, message in enumerate(bare, start=1))
        super().__init__(f"{where}: {len(messages)} problems: {numbered}")
        self.messages = messages


class Problems:
    """Errors that are collected before the work stops."""

    def __init__(self, where: str) -> None:
        """``where`` names the dataset."""
        self.where = where
        self._messages: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._messages)

    def add(self, message: str) -> None:
        """Adds a problem, unless it was added before."""
        if message not in self._messages:
            self._messages.append(message)

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """A block whose CtrbenchError is added to the problems; the code after the block still runs."""
        try:
            yield
        except SeveralProblemsError as error:
            for message in error.messages:
                self.add(message)
        except CtrbenchError as error:
            self.add(str(error))

    def refuse(self) -> None:
        """Stops the work if any problem was added.

        Raises:
            CtrbenchError: the problem, or a :class:`SeveralProblemsError`.
        """
        if len(self._messages) == 1:
            raise CtrbenchError(self._messages[0])
        if self._messages:
            raise SeveralProblemsError(self.where, self._messages)
