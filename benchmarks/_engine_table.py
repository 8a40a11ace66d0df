"""The figures of `engine.py` as text for a terminal and as a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks._bars import draw
from benchmarks._engine_figures import COMPILED, EAGER, Figures, Pace
from benchmarks._engine_goals import Judged

Cells = Sequence[str]


def text(figures: Figures) -> Iterator[str]:
    """Lines about one model."""
    yield f"== {figures.name}, {figures.dtype}, {figures.device}"
    yield f"{figures.ceiling_flops / 1e12:.3g} TFLOP/s in a large product of matrices; " + (
        f"captions of {figures.caption_tokens} tokens"
    )
    for what, words in figures.setup.items():
        yield f"{what}: {words}"
    yield from _paces(figures)
    yield from _steps(figures)
    yield from _wholes(figures)
    yield from _latencies(figures)
    if figures.apart is not None:
        yield f"\nlatents at most {figures.apart:.1e} apart from those of Diffusers' pipeline"
    for words in figures.not_run:
        yield f"NOT RUN: {words}"


def _paces(figures: Figures) -> Iterator[str]:
    heads = ("together", "way", "s", "busy s", "x Diffusers", "x alone", "GB")
    yield from _table(
        "a picture, prompt to pixels",
        heads,
        (
            (
                each.size,
                str(each.batch),
                each.way,
                f"{each.wall_s:.3f}",
                f"{each.busy_s:.3f}",
                _times(each.to_stock),
                _times(each.to_one),
                f"{each.peak_bytes / 1e9:.2f}",
            )
            for each in figures.pace
        ),
    )


def _steps(figures: Figures) -> Iterator[str]:
    yield from _table(
        "a step",
        ("together", "way", "ms", "beside", "of ceiling", "x alone"),
        (
            (
                each.size,
                str(each.batch),
                each.way,
                f"{1000 * each.busy_s:.1f}",
                f"{each.beside:.1%}",
                f"{each.of_ceiling:.1%}",
                _times(each.to_one),
            )
            for each in figures.steps
        ),
    )


def _wholes(figures: Figures) -> Iterator[str]:
    yield from _table(
        "a request, order to file",
        ("way", "s", "beside", "1st preview", "preview ms", "cancel ms", "at worst", "step ms"),
        (
            (
                each.size,
                each.way,
                f"{each.request_s:.3f}",
                f"{each.beside:.1%}",
                f"{each.first_preview_s:.3f}",
                f"{1000 * each.preview_s:.1f}",
                f"{1000 * each.cancel_s:.1f}",
                f"{1000 * each.cancel_slowest_s:.1f}",
                f"{1000 * each.step_s:.1f}",
            )
            for each in figures.whole
        ),
    )


def _latencies(figures: Figures) -> Iterator[str]:
    if figures.capacity is None:
        return
    yield from _table(
        f"{figures.mix}: {figures.capacity:.2f} a second",
        ("policy", "requests", "p50 s", "p95 s"),
        (
            (
                f"{each.load:.0%} busy",
                each.policy,
                str(each.requests),
                f"{each.p50_s:.2f}",
                f"{each.p95_s:.2f}",
            )
            for each in figures.latencies
        ),
    )


def goals(judged: Sequence[Judged]) -> Iterator[str]:
    yield from _table(
        "goal",
        ("limit", "found", ""),
        (
            (
                each.goal,
                f"{each.limit:g}",
                "-" if each.found is None else f"{each.found:.2g}",
                each.outcome,
            )
            for each in judged
        ),
    )


def _table(what: str, heads: Cells, rows: Iterator[Cells]) -> Iterator[str]:
    """Columns as wide as they must be, the first to the left."""
    body = [tuple(row) for row in rows]
    if not body:
        return
    lines = [(what, *heads), *body]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    yield ""
    for line in lines:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join((line[0].ljust(len(first)), *rest)).rstrip()


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def plot(path: Path, found: Sequence[Figures]) -> None:
    """How much quicker than Diffusers' pipeline the engine is, by size and number."""
    rows = [
        (_label(figures, each), each.to_stock)
        for figures in found
        for each in figures.pace
        if each.way == _best_way(figures) and each.to_stock
    ]
    draw(path, "Pictures by the engine in the time of one by Diffusers' pipeline", "x", rows)


def _best_way(figures: Figures) -> str:
    return COMPILED if any(each.way == COMPILED for each in figures.pace) else EAGER


def _label(figures: Figures, pace: Pace) -> str:
    """Such as `8 of tiny 128x128, bf16`, painted together."""
    together = f"{pace.batch} of " if pace.batch > 1 else ""
    if figures.name != "tiny":
        return f"{together}{pace.size}"
    return f"{together}tiny {pace.size}" + (", bf16" if figures.dtype == "bfloat16" else "")
