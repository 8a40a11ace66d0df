"""The figures of the order of work stand in docs/figures.md as the script prints them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scheduling import measured

PAGE = Path(__file__).resolve().parents[2] / "docs" / "figures.md"


def test_the_page_has_the_figures() -> None:
    rows = measured()
    lines = [line.rsplit("|", 4) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    told = [[cell.strip() for cell in cells[1:4]] for cells in lines if len(cells) == 5]
    expected = [
        [
            before.who,
            f"{before.mean_s:.2f} → {after.mean_s:.2f}",
            f"{before.p95_s:.2f} → {after.p95_s:.2f}",
        ]
        for before, after in zip(rows[::2], rows[1::2], strict=True)
    ]
    missing = [row for row in expected if row not in told]
    assert not missing, "run `python benchmarks/scheduling.py`"
