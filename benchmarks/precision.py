"""What fewer bits cost: pictures of tiny in each precision beside those in float32, by seed.

`PSNR` is against the picture in float32: at 40 dB the eye sees no difference, at 25 dB things have
moved. `all of it` is the share of captions painted right, as `tiny_accuracy.py` judges them;
`weights` their bytes, in parts of those in float32. Here, on a CPU, fp8 holds weights in eight bits
and multiplies in more; recent GPUs multiply in eight, too, which is not measured here.

    python benchmarks/precision.py [--captions 80]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._judge import Pixels, judge
from benchmarks.tiny_accuracy import SIDE, Question, questions, whole
from limner.core.image import ImageRequest, Size
from limner.engine.loading import load, open_model
from limner.engine.model_files import TINY
from limner.engine.params import plan
from limner.engine.quantizing import Quantize
from limner.engine.weights import Precision, weigh

WAYS: tuple[tuple[str, Quantize], ...] = (
    ("float32", "none"),
    ("float32", "int8"),
    ("float32", "fp8"),
    ("bfloat16", "none"),
    ("bfloat16", "int8"),
    ("bfloat16", "fp8"),
    ("float16", "none"),
)


def painted(dtype: str, quantize: Quantize, asked: Sequence[Question]) -> Iterator[Pixels]:
    model = open_model(load("tiny", device="cpu", dtype=dtype, quantize=quantize))
    for seed, question in enumerate(asked):
        request = ImageRequest(question.text, size=Size(SIDE, SIDE), seed=seed)
        begun = model.begin(plan(request, model.facts, seed))
        (canvas,) = begun.canvases
        while canvas.step < model.facts.steps:
            model.step([canvas])
        yield model.pixels(model.foreseen(canvas), preview=False)


def psnr(one: Any, other: Any) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--captions", type=int, default=80)
    asked = questions(parser.parse_args().captions / 320)
    size = sum(Precision("float32").bytes_of(part) for part in weigh(TINY))
    print(f"{len(asked)} captions never trained on\n")
    print(f"{'':24}{'PSNR, median':>14}{'worst':>8}{'all of it':>12}{'weights':>10}")
    truth: list[Pixels] = []
    for dtype, quantize in WAYS:
        pictures = list(painted(dtype, quantize, asked))
        truth = truth or pictures
        near = [psnr(one, other) for one, other in zip(pictures, truth, strict=True)]
        right = [
            whole(judge(picture, question.scene))
            for picture, question in zip(pictures, asked, strict=True)
        ]
        precision = Precision(dtype, quantize)
        held = sum(precision.bytes_of(part) for part in weigh(TINY)) / size
        name = dtype if quantize == "none" else f"{dtype}, {quantize}"
        print(f"{name:24}{np.median(near):>11.1f} dB{min(near):>8.1f}", end="")
        print(f"{np.mean(right):>12.1%}{held:>10.0%}")


if __name__ == "__main__":
    main()
