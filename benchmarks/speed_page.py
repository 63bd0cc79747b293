"""Write step_speed.md from results/step_speed.jsonl: the newest row of each kind.

python benchmarks/speed_page.py
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tabulate import tabulate

HERE = Path(__file__).resolve().parent
ROWS, PAGE = HERE / "results" / "step_speed.jsonl", HERE / "step_speed.md"
HEAD = """\
# Time of a training step against plain PyTorch

Measured by `step_speed.py`; see [README.md](README.md) for what is on either side, and
for what "× PyTorch" means: above 1, ganzoo's step is faster. In brackets is the range
over the rounds, which take turns. A row is what the variant's first recipe trains.
"""


def newest(rows: Iterable[dict]) -> dict[tuple, dict]:
    """Return the last row of each side, by (threads, variant, precision, side).

    Rows of recipes that --set changed, and those without a variant, are left out.
    """
    keys = ("threads", "variant", "precision", "side")
    told = (row for row in rows if "variant" in row and not row["overrides"])
    return {tuple(row[key] for key in keys): row for row in told}


def read(path: Path = ROWS) -> list[dict]:
    """Return the rows of a file, oldest first."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def lines(rows: dict[tuple, dict], threads: int):
    """Give the lines of the table of so many threads."""
    for (count, variant, precision, side), row in sorted(rows.items()):
        if count != threads or side == "pytorch":
            continue
        base = rows[threads, variant, precision, "pytorch"]
        low, high = row["speed_ratio_range"]
        ratio = f"{row['speed_ratio']:.2f} ({low:.2f} to {high:.2f})"
        times = (f"{each['median_ms']:.0f} ms" for each in (row, base))
        shape = f"{row['batch']} of {row['shape']}"
        yield variant, side, precision, shape, *times, ratio, row["date"]


def page(rows: Iterable[dict]) -> str:
    """Return the page: a table for each number of threads."""
    found = newest(rows)
    parts = [HEAD]
    heads = ("model", "side", "precision", "batch", "ganzoo", "PyTorch", "× PyTorch")
    for threads in sorted({key[0] for key in found}):
        plural = "s" if threads > 1 else ""
        table = tabulate(lines(found, threads), (*heads, "measured"), "github")
        parts += [f"## {threads} thread{plural} a side\n", table + "\n"]
    processors = sorted({row["processor"] for row in found.values()})
    return "\n".join([*parts, f"Processor: {'; '.join(processors)}.", ""])


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
