"""Stage 5: the folder that ships, in the layout that Diffusers loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

from training import autoencoder, painter, pool, text, tokenizer

HOME = Path(__file__).resolve().parent.parent / "src" / "limner" / "engine" / "models" / "tiny"
MAX_BYTES = 20_000_000
_CARD = """\
# tiny

A text-to-image model of five million parameters with the classes of Z-Image:
`ZImageTransformer2DModel`, `Qwen3Model`, `AutoencoderKL`, `FlowMatchEulerDiscreteScheduler`.
Made by the Limner project from nothing, on pictures that its own script draws; no other data
and no other weights went in. Apache-2.0, like the rest of the project.

It draws coloured shapes and their relations, counts up to four, a few things (car, balloon, cat,
smiley) and little landscapes (mountains, sea, hills; day, sunset, night; a house, trees, a boat),
at 128 x 128 pixels and sizes around it, in 8 steps with guidance 0. It knows some two hundred
English words and their Russian ones; of other words it makes what it can.

How it was made, and how well it does: `training/README.md` in the project.
"""


def pipeline(folder: Path) -> Any:
    """The pipeline of the trained parts, in float32."""
    scheduler = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, shift=painter.SHIFT, use_dynamic_shifting=False
    )
    return ZImagePipeline(
        scheduler=scheduler,
        vae=autoencoder.trained(folder),
        text_encoder=text.trained(folder),
        tokenizer=tokenizer.build(),
        transformer=painter.trained(folder),
    )


def export(folder: Path, target: Path) -> int:
    """Write the model of the checkpoints in `folder` to `target`; returns its size in bytes.

    Raises ValueError when it would be larger than a package should be.
    """
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline(folder).to(torch.float16).save_pretrained(fresh)
    _mend_index(fresh / "model_index.json")
    _name_the_tokenizer(fresh)
    sizes = {"native_size": list(pool.NATIVE), "buckets": [list(size) for size in pool.BUCKETS]}
    settings = json.dumps(sizes | {"steps": painter.STEPS, "guidance": 0.0}, indent=2)
    (fresh / "limner.json").write_text(settings + "\n")
    (fresh / "README.md").write_text(_CARD)
    for path in fresh.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    size = sum(path.stat().st_size for path in fresh.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise ValueError(f"the model is {size} bytes; at most {MAX_BYTES} may ship")
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(target)
    return size


def _mend_index(path: Path) -> None:
    """Name a tokenizer class that every transformers knows and that reads the file as it is."""
    index = json.loads(path.read_text())
    index["tokenizer"] = ["transformers", "PreTrainedTokenizerFast"]
    path.write_text(json.dumps(index, indent=2) + "\n")


def _name_the_tokenizer(folder: Path) -> None:
    """The tokenizer's class of transformers 5 is unknown to 4; the plain name is known to both."""
    path = folder / "tokenizer" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n")
