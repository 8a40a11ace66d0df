"""`python -m training`: make the tiny model from nothing, or go on where it was stopped."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from training import autoencoder, painter, text
from training.checkpoints import note
from training.crew import Crew, choose_device, launch
from training.export import HOME, export, pipeline
from training.samples import show_samples
from training.sheet import sheet

MINUTES = {"vae": 14.0, "text": 9.0, "painter": 72.0, "polish": 7.0}
STAGES: dict[str, Callable[[Crew, Path], None]] = {
    "vae": autoencoder.train,
    "text": text.train,
    "painter": partial(painter.train, show=show_samples),
    "polish": partial(autoencoder.train, polish=True),
}
SHEET = Path(__file__).resolve().parent.parent / "docs" / "images" / "tiny-contact-sheet.png"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path(__file__).parent / "runs", help="checkpoints and logs"
    )
    parser.add_argument("--target", type=Path, default=HOME, help="where the model is written")
    parser.add_argument(
        "--only", nargs="+", choices=[*STAGES, "export", "sheet"], help="these stages alone"
    )
    parser.add_argument(
        "--minutes", type=float, help="the painter's time; the other stages' in proportion"
    )
    parser.add_argument(
        "--processes", type=int, default=2, help="training processes on a CPU (default: 2)"
    )
    parser.add_argument("--device", help="cpu or cuda; a GPU is used where there is one")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    asked = arguments(argv)
    device = choose_device(asked.device)
    scale = 1.0 if asked.minutes is None else asked.minutes / MINUTES["painter"]
    chosen = asked.only or [*STAGES, "export", "sheet"]
    for name, stage in STAGES.items():
        if name in chosen:
            processes = 1 if device.type != "cpu" or name == "text" else asked.processes
            minutes = MINUTES[name] * scale
            launch(stage, asked.folder, processes=processes, minutes=minutes, device=device)
    if "export" in chosen:
        size = export(asked.folder, asked.target)
        note(asked.folder, "export", f"{size / 1e6:.1f} MB in {asked.target}")
    if "sheet" in chosen:
        where = SHEET if asked.target == HOME else asked.target.with_suffix(".png")
        sheet(pipeline(asked.folder), where)
        note(asked.folder, "sheet", str(where))


if __name__ == "__main__":
    main()
