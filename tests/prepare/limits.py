"""What ``ctrbench prepare`` of own data costs: ``python -m tests.prepare.limits 1000000`` prints the row of datasets/README.md.

A generated log of impressions over 90 days: users and items by Zipf's law, eight columns, prepared by ``example-card.toml``.
Each file is prepared in a process of its own, so that its peak memory is the preparation's.
"""  # noqa: E501

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ctrbench.places import shipped


def impressions(rows: int) -> pd.DataFrame:
    """Up to a tenth as many users and a twentieth as many items as rows, three of ten rows clicked."""
    random = np.random.default_rng(0)
    user, item = random.zipf(1.3, rows) % (rows // 10), random.zipf(1.2, rows) % (rows // 20)
    frame = pd.DataFrame(
        {
            "user_id": user,
            "item_id": item,
            "time": 1_600_000_000 + np.sort(random.integers(0, 90 * 86_400, rows)),
            "clicked": (random.random(rows) < 0.3).astype(int),
            "category": item % 50,
            "page": random.choice(["home", "feed", "search"], rows),
            "age": user % 60,
            "advertiser": item % 500,
        }
    )
    return frame.drop_duplicates(["user_id", "item_id", "time"])


def cost(source: Path) -> tuple[float, float]:
    """Seconds and peak memory in GB of preparing a file."""
    import resource

    card = shipped("datasets") / "example-card.toml"
    command = [sys.executable, "-m", "ctrbench", "prepare", "my-data", "--card", str(card), "--source", str(source)]
    begin = time.perf_counter()
    subprocess.run([*command, "--force", "--data", str(source.parent)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


if __name__ == "__main__":
    rows, ending = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"interactions.{ending}"
        frame = impressions(rows)
        frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
        found = cost(path)
        print(f"| {ending} | {len(frame):,} | {found[0]:.0f} | {found[1]:.1f} |")  # noqa: T201
