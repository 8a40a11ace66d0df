"""How often tiny paints what was asked: 320 captions of combinations that it was never trained on.

A program judges, not an eye (see `_judge`). Prints a table and leaves with status 1 when a share is
below the floor under which no model of ours ships.

    python benchmarks/tiny_accuracy.py          the shipped model, by the stock pipeline
    python benchmarks/tiny_accuracy.py --truth  true drawings through its VAE: the judge's errors
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._judge import Pixels, Verdict, judge
from training.captions import caption
from training.drawing import draw
from training.scenes import SHAPES, Arrangement, Layout, held_out_scene

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "src" / "limner" / "engine" / "models" / "tiny"
SIDE = 128
STEPS = 8
FLOORS = {"background": 0.97, "colour": 0.90, "shape": 0.60, "relation": 0.80}
GOALS = {"background": 0.97, "colour": 0.95, "shape": 0.90, "relation": 0.90}
MIXTURE: tuple[tuple[Layout, int], ...] = (
    ("one", 96),
    ("vertical", 80),
    ("horizontal", 80),
    ("two", 22),
    ("three", 21),
    ("four", 21),
)
_ORDERED = ("above", "over", "top", "below", "under", "beneath", "left", "right")


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out scene and a caption that says all of it."""

    scene: Arrangement
    text: str


@dataclass(slots=True)
class Score:
    right: int = 0
    asked: int = 0

    def add(self, answers: Sequence[bool]) -> None:
        self.right += sum(answers)
        self.asked += len(answers)

    @property
    def share(self) -> float:
        return self.right / self.asked if self.asked else 0.0


@dataclass(slots=True)
class Scores:
    """Scores by matter, by shape, and by matter within each kind of scene."""

    matters: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    shapes: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    kinds: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))

    def add(self, scene: Arrangement, verdict: Verdict) -> None:
        kind = {"one": "single", "vertical": "pair", "horizontal": "pair"}.get(
            scene.layout, "count"
        )
        answers: dict[str, Sequence[bool]] = {
            "background": (verdict.background,),
            "colour": verdict.colours,
            "shape": verdict.shapes,
            "relation": () if verdict.relation is None else (verdict.relation,),
            "count": (verdict.count,),
            "all of it": (whole(verdict),),
        }
        for matter, answered in answers.items():
            self.matters[matter].add(answered)
            if answered:
                self.kinds[f"{kind}: {matter}"].add(answered)
        named = scene.figures if len(scene.figures) == len(verdict.shapes) else scene.figures * 4
        for figure, right in zip(named, verdict.shapes, strict=False):
            self.shapes[figure.what].add((right,))


def whole(verdict: Verdict) -> bool:
    parts = (verdict.background, *verdict.colours, *verdict.shapes, verdict.count)
    return all(parts) and verdict.relation is not False


def questions(scale: float = 1.0, seed: int = 20) -> list[Question]:
    """The captions: the same for the same scale and seed."""
    lot = random.Random(seed)
    asked = []
    for layout, number in MIXTURE:
        for index in range(max(1, round(number * scale))):
            wanted = SHAPES[index % len(SHAPES)]
            while (scene := held_out_scene(lot, layout)).figures[0].what != wanted:
                pass
            asked.append(Question(scene, said_in_full(scene, lot)))
    return asked


def said_in_full(scene: Arrangement, lot: random.Random) -> str:
    """A caption that names every colour and, for two figures, how they stand."""
    while True:
        text = caption(scene, lot)
        words = text.replace(",", " ").split()
        named = all(figure.colour in words for figure in scene.figures)
        ordered = scene.layout not in ("vertical", "horizontal") or any(
            w in words for w in _ORDERED
        )
        if named and ordered:
            return text


def painted(model: Path, asked: Sequence[Question], batch: int = 16) -> Iterator[Pixels]:
    """Pictures by diffusers' own pipeline, eight steps, no guidance.

    The seed of each is the question's number.
    """
    import torch

    pipeline = _pipeline(model)
    for start in range(0, len(asked), batch):
        some = asked[start : start + batch]
        made = pipeline(
            prompt=[question.text for question in some],
            height=SIDE,
            width=SIDE,
            num_inference_steps=STEPS,
            guidance_scale=0.0,
            generator=[torch.Generator().manual_seed(start + i) for i in range(len(some))],
            output_type="np",
        ).images
        yield from np.rint(np.asarray(made) * 255).astype(np.uint8)


def drawn(model: Path, asked: Sequence[Question]) -> Iterator[Pixels]:
    """True drawings through the VAE: what is judged wrong here is no fault of the painter."""
    import torch

    vae = _pipeline(model).vae
    lot = random.Random(0)
    for question in asked:
        pixels = torch.from_numpy(draw(question.scene, SIDE, SIDE, lot).pixels.copy())
        with torch.no_grad():
            latents = vae.encode(
                pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
            ).latent_dist.mode()
            made = vae.decode(latents).sample[0].clamp(-1, 1)
        yield ((made + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def _pipeline(model: Path) -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline.from_pretrained(str(model), dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def table(scores: Scores) -> str:
    """The scores as text: matter, right of asked, share, floor, goal."""
    lines = [f"{'':22}{'right of asked':>16}{'share':>9}{'floor':>8}{'goal':>7}"]
    for matter, score in scores.matters.items():
        limits = "".join(
            f"{limit[matter]:{width}.0%}" if matter in limit else " " * width
            for limit, width in ((FLOORS, 8), (GOALS, 7))
        )
        lines.append(
            f"{matter:22}{score.right:>8} of {score.asked:>4}{score.share:9.1%}{limits}".rstrip()
        )
    for title, group in (("by kind", scores.kinds), ("shapes", scores.shapes)):
        lines += ["", title]
        lines += [
            f"  {k:20}{s.right:>8} of {s.asked:>4}{s.share:9.1%}" for k, s in sorted(group.items())
        ]
    return "\n".join(lines)


def below_floor(scores: Scores) -> list[str]:
    return [matter for matter, floor in FLOORS.items() if scores.matters[matter].share < floor]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the 320 captions to ask")
    parser.add_argument("--truth", action="store_true", help="judge true drawings through the VAE")
    parser.add_argument("--json", type=Path, help="write the scores and every failure here")
    options = parser.parse_args()
    asked = questions(options.scale)
    pictures = drawn(options.model, asked) if options.truth else painted(options.model, asked)
    scores, failures = Scores(), []
    start = time.perf_counter()
    for number, (question, pixels) in enumerate(zip(asked, pictures, strict=True)):
        verdict = judge(pixels, question.scene)
        scores.add(question.scene, verdict)
        if not whole(verdict):
            failures.append({"seed": number, "prompt": question.text})
    seconds = (time.perf_counter() - start) / len(asked)
    print(f"{len(asked)} captions never trained on, {seconds:.2f} s a picture, judged by program\n")
    print(table(scores))
    if options.json:
        options.json.write_text(json.dumps(_as_json(scores, failures), indent=1) + "\n")
    missed = below_floor(scores)
    if missed:
        print(f"\nbelow the floor: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _as_json(scores: Scores, failures: list[dict[str, Any]]) -> dict[str, Any]:
    groups = {"matters": scores.matters, "kinds": scores.kinds, "shapes": scores.shapes}
    shares = {
        title: {name: {"right": score.right, "asked": score.asked} for name, score in group.items()}
        for title, group in groups.items()
    }
    return {**shares, "failures": failures}


if __name__ == "__main__":
    sys.exit(main())
