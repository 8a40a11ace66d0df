"""How well tiny edits: 160 drawings of shapes, each with one thing to change, judged by program.

Sources are drawn, never painted by tiny, and show combinations that it was never trained on; the
prompt says in full what the picture shall show then. `done`: what was to change did. `all of it`:
and everything else that the prompt says is right. `rest`: how far pixels moved, 0 to 255 on
average, where a drawing of the new scene does not differ from the source. Beside it stands what new
pictures of the same prompts do, which keep nothing but what the prompt says.

    python benchmarks/tiny_edits.py                   by the engine's own strengths
    python benchmarks/tiny_edits.py --strength 0.5    by another
    python benchmarks/tiny_edits.py --sheet edits.webp with pictures to look at: before, after
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._judge import Pixels, Verdict, judge
from benchmarks.tiny_accuracy import said_in_full, whole
from limner.core.image import ImageCompleted, ImageData, ImageRequest
from limner.engine.job import Job
from limner.engine.loading import load, open_model
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler
from training.drawing import draw
from training.scenes import COLOURS, SHAPES, Arrangement, Layout, held_out_scene

Change = Literal["colour", "shape", "background"]
SIDE = 128
MARGIN = 4
"""By how many pixels a mask is larger than what changes."""
SHIFT = 8
"""By how many pixels, at most, figures stand off the places where tiny always puts them."""
_AROUND = ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
LAYOUTS: tuple[Layout, ...] = ("one", "one", "vertical", "horizontal")
WAYS = ("low", "high", "mask", "mask, high", "anew")


@dataclass(frozen=True, slots=True)
class Task:
    """One edit. stays: where the new drawing is the old one, (height, width)."""

    change: Change
    prompt: str
    wanted: Arrangement
    source: Pixels
    stays: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Result:
    """outside: the largest difference outside the mask; None without one."""

    done: bool
    whole: bool
    rest: float
    outside: int | None


def tasks(number: int, seed: int = 31) -> list[Task]:
    """The edits: the same for the same number and seed."""
    lot = random.Random(seed)
    changes = get_args(Change)
    return [_task(lot, LAYOUTS[i // 3 % 4], changes[i % 3], i) for i in range(number)]


def _task(lot: random.Random, layout: Layout, change: Change, place: int) -> Task:
    before = held_out_scene(lot, layout)
    wanted = _changed(before, change, lot)
    # One state of chance for both: whatever is not changed falls on the same pixels.
    down, right = lot.randint(0, 2 * SHIFT), lot.randint(0, 2 * SHIFT)
    old, new = (
        np.pad(draw(scene, SIDE, SIDE, random.Random(place)).pixels, _AROUND, "edge")[
            down : down + SIDE, right : right + SIDE
        ]
        for scene in (before, wanted)
    )
    stays = np.abs(old.astype(int) - new).max(axis=2) <= 8
    return Task(change, said_in_full(wanted, lot), wanted, old, stays)


def _changed(scene: Arrangement, change: Change, lot: random.Random) -> Arrangement:
    first, *others = scene.figures
    taken = {scene.background, *(figure.colour for figure in scene.figures)}
    free = [colour for colour in COLOURS if colour not in taken]
    match change:
        case "colour":
            first = replace(first, colour=lot.choice(free))
        case "shape":
            first = replace(first, what=lot.choice([s for s in SHAPES if s != first.what]))
        case "background":
            return replace(scene, background=lot.choice(free))
    return replace(scene, figures=(first, *others))


def request(task: Task, way: str, number: int, strength: float | None) -> ImageRequest:
    """One of WAYS to ask for it."""
    asked = ImageRequest(task.prompt, seed=number)
    if way == "anew":
        return asked
    mask = _png(np.dstack([task.source, _alpha(task)])) if way.startswith("mask") else None
    fidelity: Any = "high" if way.endswith("high") else "low"
    if strength is not None:
        fidelity = None
    images = (_png(task.source),)
    return replace(asked, images=images, mask=mask, input_fidelity=fidelity, strength=strength)


def _alpha(task: Task) -> Pixels:
    """0 in a box around all that changes, as a person would draw it."""
    alpha = np.full(task.stays.shape, 255, np.uint8)
    ys, xs = np.nonzero(~task.stays)
    rows = slice(max(0, ys.min() - MARGIN), ys.max() + MARGIN + 1)
    alpha[rows, max(0, xs.min() - MARGIN) : xs.max() + MARGIN + 1] = 0
    return alpha


def _png(pixels: Pixels) -> ImageData:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return ImageData(out.getvalue(), "png")


def result(task: Task, way: str, made: Pixels) -> Result:
    verdict = judge(made, task.wanted)
    moved = np.abs(made.astype(int) - task.source)
    outside = int(moved[_alpha(task) == 255].max(initial=0)) if way.startswith("mask") else None
    return Result(
        _done(verdict, task.change), whole(verdict), float(moved[task.stays].mean()), outside
    )


def _done(verdict: Verdict, change: Change) -> bool:
    match change:
        case "colour":
            return verdict.colours[0]
        case "shape":
            return verdict.shapes[0]
        case "background":
            return verdict.background


@asynccontextmanager
async def _painter() -> AsyncIterator[Painter]:
    painter = Painter(
        lambda progress: open_model(load("tiny", threads=1, progress=progress)),
        name="tiny",
        scheduler=Scheduler[Job](queue_limit=10_000, max_concurrent=16),
        fresh_seed=lambda: 0,
    )
    await painter.start()
    try:
        yield painter
    finally:
        await painter.close()


async def _made(painter: Painter, asked: ImageRequest) -> Pixels:
    async for event in painter.generate(asked):
        last = event
    if not isinstance(last, ImageCompleted):
        raise SystemExit(f"not painted: {last}")
    return np.asarray(Image.open(BytesIO(last.image.content)))


def table(results: Iterable[tuple[str, str, Result]]) -> str:
    """results: way, change, result. One line for each way and change."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for way, change, each in results:
        groups[way, change].append(each)
    lines = [f"{'':12}{'change':12}{'done':>7}{'all of it':>11}{'rest':>7}{'outside mask':>14}"]
    for (way, change), some in groups.items():
        done, right = (sum(values) / len(some) for values in zip(*_answers(some), strict=True))
        rest = sum(each.rest for each in some) / len(some)
        outside = "" if some[0].outside is None else max(each.outside or 0 for each in some)
        lines.append(f"{way:12}{change:12}{done:7.0%}{right:11.0%}{rest:7.1f}{outside:>14}")
    return "\n".join(lines)


def _answers(some: Sequence[Result]) -> list[tuple[bool, bool]]:
    return [(each.done, each.whole) for each in some]


async def run(options: argparse.Namespace) -> None:
    asked = tasks(options.number)
    ways = WAYS if options.strength is None else ("low", "mask")
    columns: list[list[Pixels]] = [[task.source for task in asked]]
    results = []
    async with _painter() as painter:
        for way in ways:
            requests = [request(t, way, i, options.strength) for i, t in enumerate(asked)]
            columns.append(list(await asyncio.gather(*(_made(painter, r) for r in requests))))
            pairs = zip(asked, columns[-1], strict=True)
            results += [(way, task.change, result(task, way, made)) for task, made in pairs]
    print(f"{len(asked)} edits of drawings by tiny\n\n{table(results)}")
    if options.sheet:
        rows = [np.concatenate(row, axis=1) for row in list(zip(*columns, strict=True))[:12]]
        Image.fromarray(np.concatenate(rows)).save(options.sheet)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--number", type=int, default=160, help="edits to try in each way")
    parser.add_argument("--strength", type=float, help="instead of the engine's own")
    parser.add_argument("--sheet", type=Path, help="write the first 12 here: source, then each way")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
