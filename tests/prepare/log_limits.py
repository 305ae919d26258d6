"""What ``ctrbench prepare`` of a large log costs: ``python -m tests.prepare.log_limits aliexpress-nl 10000000``.

Prints the row of datasets/README.md for generated files in the true format. The files are prepared in a process of
their own, so that its peak memory is the preparation's.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.prepare.logs import write_ali_ccp, write_aliexpress


def cost(name: str, source: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak memory in GB of preparing a folder of files."""
    command = [sys.executable, "-m", "ctrbench", "prepare", name, "--source", str(source)]
    begin = time.perf_counter()
    subprocess.run([*command, "--data", str(source / "data")], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


if __name__ == "__main__":
    name, rows = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        (write_ali_ccp if name == "ali-ccp" else write_aliexpress)(source, rows)
        size = sum(path.stat().st_size for path in source.iterdir()) / 2**30
        seconds, of_cpu, memory = cost(name, source)
        print(f"| {name} | {rows:,} | {size:.1f} | {seconds:.0f} | {of_cpu:.0f} | {memory:.1f} |")  # noqa: T201
