"""A virtual environment for each library, made once under ``build/peers``."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PEERS = Path("build/peers")


def requirements(name: str) -> Path:
    """The file of an environment's pinned versions."""
    return HERE / "requirements" / f"{name}.txt"


def python_of(name: str) -> Path:
    """The interpreter of an environment."""
    return (PEERS / name / "bin" / "python").absolute()


def install(name: str) -> str | None:
    """Makes an environment unless it holds these versions already.

    Returns the reason why it cannot be installed; None where it can.
    """
    wanted, stamp = requirements(name).read_text("utf-8"), PEERS / name / "installed.txt"
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return None
    print(f"installing {name} into {PEERS / name}: 1 to 2 GB, up to 5 minutes, once", file=sys.stderr)
    pip = [python_of(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    torch = next(line for line in wanted.splitlines() if line.startswith("torch=="))
    commands = [
        [sys.executable, "-m", "venv", "--clear", PEERS / name],
        [*pip, torch],
        [*pip, "-r", requirements(name)],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return last_line(done.stderr)
    stamp.write_text(wanted, "utf-8")
    return None


def last_line(text: str) -> str:
    """The last line that is not empty, by which a program that failed says why."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")
