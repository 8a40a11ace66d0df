"""Seconds from order to picture: the engine's scheduler against one after the other, simulated.

The mixes and what a pass takes are in `_simulated.py`; nothing is painted, so the figures are the
same on every machine. "stretch" is how much longer than alone the order takes that fares worst.

    python benchmarks/scheduling.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._simulated import MIXES, Mix, Order, first_come_first_served, latencies, scheduled


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some orders of a mix, in seconds; stretch is a ratio."""

    mix: str
    who: str
    policy: str
    orders: int
    mean_s: float
    p95_s: float
    stretch: float


def figures(name: str, mix: Mix) -> Iterator[Figures]:
    for policy, run in (("in turn", first_come_first_served), ("Limner", scheduled)):
        waits = latencies(mix, run(mix))
        for who, some in _parts(mix):
            taken = [waits[k] for k in some]
            stretch = max(waits[k] / mix[k].alone_s for k in some)
            p95 = sorted(taken)[round(0.95 * (len(taken) - 1))]
            yield Figures(name, who, policy, len(some), statistics.fmean(taken), p95, stretch)


def _parts(mix: Mix) -> list[tuple[str, Sequence[int]]]:
    """All orders; and those of each kind where a mix has several kinds."""
    kinds: dict[str, list[int]] = {}
    for k, order in enumerate(mix):
        kinds.setdefault(_kind(order), []).append(k)
    parts: list[tuple[str, Sequence[int]]] = [("all", range(len(mix)))]
    return parts + (list(kinds.items()) if len(kinds) > 1 else [])


def _kind(order: Order) -> str:
    if order.priority == "background":
        return "background"
    name = order.client.partition(" ")[0]
    return name if name in ("heavy", "light") else f"{order.edge} px"


def report(rows: Sequence[Figures]) -> None:
    print(f"{'mix':38}{'who':12}{'mean s':>16}{'p95 s':>16}{'stretch':>16}{'mean to in turn':>17}")
    for before, after in zip(rows[::2], rows[1::2], strict=True):
        pairs = ((before.mean_s, after.mean_s), (before.p95_s, after.p95_s))
        cells = [f"{a:.2f} -> {b:.2f}" for a, b in (*pairs, (before.stretch, after.stretch))]
        ratio = after.mean_s / before.mean_s
        print(
            f"{before.mix:38}{before.who:12}"
            + "".join(f"{c:>16}" for c in cells)
            + f"{ratio:17.2f}"
        )


def measured() -> list[Figures]:
    """In pairs of the same orders, in turn first."""
    rows = [row for name, mix in MIXES.items() for row in figures(name, mix)]
    keys = list(dict.fromkeys((row.mix, row.who) for row in rows))
    return [row for key in keys for row in rows if (row.mix, row.who) == key]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    asked = parser.parse_args()
    rows = measured()
    report(rows)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
