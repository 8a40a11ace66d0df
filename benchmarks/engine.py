"""What the engine takes: pictures, steps, whole requests, waiting under load, memory.

With tiny on the CPU, and where there is a CUDA or ROCm GPU with a model of Z-Image-Turbo's full
size, its weights random: what a pass takes does not depend on them. Nothing is fetched. In the same
run Diffusers' own pipeline paints with the same modules, and a large product of matrices tells what
the device can do. Seconds are noisy on a machine that has other work; ratios less so.

    python benchmarks/engine.py [--quick] [--cpu] [--compile] [--json FILE] [--plot FILE]

On a GPU the full size is compiled in any case. --compile compiles tiny on the CPU as well, which
takes minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from benchmarks import _engine_pace as pace
from benchmarks import _engine_requests as requests
from benchmarks import _engine_table as table
from benchmarks._engine_figures import COMPILED, EAGER, FP8, STOCK, Figures
from benchmarks._engine_goals import GOALS, judged
from benchmarks._engine_models import FULL, PROMPT, Subject, full_size, no_room, squares, tiny
from limner.core.errors import ConfigError
from limner.engine.loading import open_model
from limner.engine.quantized import check_quantize, quantize_part
from limner.engine.tuning import Tuning

GPU = torch.device("cuda", 0)


@dataclass(frozen=True, slots=True)
class Effort:
    """rounds: of each measurement. requests: of each load. loads: shares of capacity."""

    rounds: int
    requests: int
    loads: tuple[float, ...]


QUICK, FULLY = Effort(1, 4, (0.9,)), Effort(3, 30, requests.LOADS)


def measured(subject: Subject, effort: Effort, *, compiled: bool) -> Figures:
    """Everything of one model; blocks for minutes."""
    device = subject.loaded.device
    models, not_run = _models(subject, compiled=compiled)
    engine = models[EAGER]
    caption_tokens = engine.caption(PROMPT).padded_tokens
    figures = Figures(
        subject.name,
        _device_name(device),
        subject.dtype,
        caption_tokens,
        {f"{way}, {what}": words for way, m in models.items() for what, words in m.setup.items()},
        pace.ceiling_flops(device, subject.loaded.dtype),
        not_run=not_run,
    )
    _paint(subject, models, figures, effort)
    best = models.get(COMPILED, engine)
    _serve(subject, best, figures, effort)
    if subject.is_cpu and subject.dtype == "float32":
        figures.apart = pace.apart(subject, engine)
    if not subject.is_cpu:
        _in_eight_bits(subject, figures, effort)
    return figures


def _models(subject: Subject, *, compiled: bool) -> tuple[dict[str, Any], list[str]]:
    """The engine's ways to paint, by name; and which there is not."""
    models: dict[str, Any] = {EAGER: open_model(subject.loaded, Tuning(compile="off"))}
    if not compiled:
        return models, [f"{subject.name}, {subject.dtype}: compiled; --compile measures it"]
    one = open_model(subject.loaded, Tuning(compile="on", warm_sizes=_warm(subject)))
    if one.setup.get("compile") == "on":
        return {**models, COMPILED: one}, []
    return models, [f"{subject.name}: compiled: {one.setup.get('compile', 'not our own pass')}"]


def _warm(subject: Subject) -> Any:
    """Sizes that are recorded as CUDA graphs."""
    return () if subject.is_cpu else squares(512, 768)


def _paint(subject: Subject, models: Mapping[str, Any], figures: Figures, effort: Effort) -> None:
    ways = {way: pace.engine_way(model) for way, model in models.items()}
    found, not_run = pace.paces(
        subject, {STOCK: pace.stock_way(subject), **ways}, figures.caption_tokens, effort.rounds
    )
    figures.pace += found
    figures.not_run += not_run
    for way, model in models.items():
        figures.steps += pace.steps(
            subject, way, model, figures.ceiling_flops, figures.caption_tokens, effort.rounds
        )
        figures.whole.append(asyncio.run(requests.whole(subject, way, model, effort.rounds)))


def _serve(subject: Subject, model: Any, figures: Figures, effort: Effort) -> None:
    budget = requests.budget_of(subject, model)
    load = asyncio.run(requests.loaded(subject, model, budget, effort.requests, effort.loads))
    sizes = ", ".join(f"{weight} of {size}" for size, weight in subject.mix)
    figures.mix = f"{sizes}, passes of {budget} tokens"
    figures.capacity, figures.latencies = load.capacity, load.latencies


def _in_eight_bits(subject: Subject, figures: Figures, effort: Effort) -> None:
    """Last, since it changes the modules."""
    device, parts = subject.loaded.device, subject.loaded.pipeline.components
    try:
        check_quantize("fp8", device)
    except ConfigError as error:
        figures.not_run.append(f"{subject.name}: fp8: {error.message}")
        return
    for name, module in parts.items():
        if isinstance(module, torch.nn.Module):
            quantize_part(module, name, "fp8", device)
    only_native = replace(subject, sizes=(subject.native,), batches=(1,))
    model: Any = open_model(subject.loaded)
    figures.setup |= {f"{FP8}, {what}": words for what, words in model.setup.items()}
    found, not_run = pace.paces(
        only_native, {FP8: pace.engine_way(model)}, figures.caption_tokens, effort.rounds
    )
    figures.pace += found
    figures.not_run += not_run
    figures.whole.append(asyncio.run(requests.whole(only_native, FP8, model, effort.rounds)))


def _device_name(device: Any) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} of {os.cpu_count()} threads, {platform.machine()}"


def run(asked: argparse.Namespace) -> Iterator[Figures]:
    effort = QUICK if asked.quick else FULLY
    for dtype in ("float32", "bfloat16"):
        subject = tiny(dtype, asked.threads, quick=asked.quick)
        if dtype == "bfloat16":
            subject = replace(subject, sizes=subject.sizes[:1])
        yield measured(subject, effort, compiled=asked.compile)
    if not why_no_gpu(cpu_only=asked.cpu):
        subject = full_size(GPU, quick=asked.quick)
        yield measured(subject, effort, compiled=True)


def why_no_gpu(*, cpu_only: bool) -> str | None:
    """Why the model of full size is not measured; None where it is."""
    if cpu_only:
        return "only the CPU is to be measured"
    if not torch.cuda.is_available():
        return "there is no CUDA or ROCm GPU here"
    return no_room(GPU)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds: a minute")
    parser.add_argument("--cpu", action="store_true", help="leave a GPU alone")
    parser.add_argument("--compile", action="store_true", help="compile tiny as well, for minutes")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, for one operation")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--plot", type=Path, help="draw a chart of them here, as SVG")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = _arguments(given)
    why_not = why_no_gpu(cpu_only=asked.cpu)
    not_run = [f"{FULL}: {why_not}"] if why_not else []
    found = []
    for figures in run(asked):
        print("\n".join(table.text(figures)), end="\n\n", flush=True)
        found.append(figures)
    reached = judged(GOALS, found)
    print("\n".join(table.goals(reached)))
    for words in not_run:
        print(f"NOT RUN: {words}")
    if asked.plot:
        table.plot(asked.plot, found)
    if asked.json:
        written = {
            "date": datetime.now(UTC).date().isoformat(),
            "versions": _versions(),
            "quick": asked.quick,
            "not_run": not_run,
            "models": [asdict(figures) for figures in found],
            "goals": [asdict(each) for each in reached],
        }
        asked.json.write_text(json.dumps(short(written), indent=1) + "\n", encoding="utf-8")


def short(written: Any) -> Any:
    """The same with numbers of four digits, which is more than they are good for."""
    match written:
        case float():
            return float(f"{written:.4g}")
        case dict():
            return {key: short(value) for key, value in written.items()}
        case list():
            return [short(value) for value in written]
        case _:
            return written


def _versions() -> dict[str, str]:
    import diffusers
    import transformers

    libraries = (torch, diffusers, transformers)
    return {each.__name__: str(each.__version__) for each in libraries}


if __name__ == "__main__":
    main()
