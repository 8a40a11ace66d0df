"""What previews cost and how like the picture they are, by what decodes them.

`PSNR`: of what tiny foresees in the middle of its way, against the VAE's own picture of the same
latents, both brought to the same size. `tiny`: processor time of one preview, in parts of the
VAE's. `full size`: the same with the VAE of Flux and Z-Image and the decoder of TAEF1, whose times
do not depend on their weights; these are random here. A preview is halved only above 512 px, where
a cell of latents is a smaller part of the picture than here.

    python benchmarks/previews.py [--edge 256] [--sheet previews.webp]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.precision import psnr
from limner.core.image import ImageRequest
from limner.engine.loading import load, open_model
from limner.engine.params import plan
from limner.engine.preview import Decoder, unscaled
from limner.engine.previews.linear import fit_linear
from limner.engine.previews.small import SmallDecoder

PROMPTS = (
    "a red circle on a blue background",
    "a yellow star above a green square",
    "two blue triangles",
    "a house at night",
    "a green tree under a yellow sun",
    "a white square on a black background",
)
FORWARDS = 4
ROUNDS = 10
LINEAR, HALVED, TAEF1 = "a linear map", "the VAE, halved", "TAEF1, halved"
Way = Callable[[Any], Any]


def ways(vae: Any, small: SmallDecoder | None = None) -> Mapping[str, Way]:
    """What decodes, by name, the VAE itself first; from latents to pixels."""
    whole, linear = Decoder(vae), Decoder(vae, fit_linear(vae))
    found: dict[str, Way] = {
        "the VAE": whole.pixels,
        HALVED: lambda latents: whole.pixels(F.avg_pool2d(latents, 2)),
        LINEAR: lambda latents: linear.pixels(latents, preview=True),
    }
    if small:
        tiny = Decoder(vae, small)
        found[TAEF1] = lambda latents: tiny.pixels(F.avg_pool2d(latents, 2), preview=True)
    return found


def foreseen() -> tuple[Any, list[Any]]:
    """Tiny's VAE, and latents that it foresees half way."""
    loaded = load("tiny", device="cpu", dtype="float32")
    model: Any = open_model(loaded)
    latents = []
    for seed, prompt in enumerate(PROMPTS):
        decided = plan(ImageRequest(prompt, seed=seed), model.facts, seed)
        (canvas,) = model.begin(decided).canvases
        for _ in range(FORWARDS):
            model.step([canvas])
        latents.append(unscaled(loaded.pipeline.vae, model.foreseen(canvas)))
    return loaded.pipeline.vae, latents


def full_size() -> tuple[Any, SmallDecoder]:
    from diffusers import AutoencoderKL, AutoencoderTiny

    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        latent_channels=16,
        layers_per_block=2,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    return vae.eval(), SmallDecoder(AutoencoderTiny(latent_channels=16).eval(), vae)


def shares(found: Mapping[str, Way], latents: Any, rounds: int) -> dict[str, float]:
    """Processor time of each, in parts of the first."""
    took = {}
    for name, way in found.items():
        way(latents)
        began = time.process_time()
        for _ in range(rounds):
            way(latents)
        took[name] = time.process_time() - began
    return {name: each / took["the VAE"] for name, each in took.items()}


def sized(pixels: Any, edge: int) -> Any:
    return np.asarray(Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--edge", type=int, default=256, help="pixels, for the full-size models")
    parser.add_argument("--sheet", type=Path, help="write the previews of tiny here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    vae, latents = foreseen()
    found = ways(vae)
    shown = {name: [sized(way(each), 128) for each in latents] for name, way in found.items()}
    large, small = full_size()
    cells = options.edge // 8
    costs = shares(ways(large, small), torch.randn(1, 16, cells, cells), 1)
    tiny = shares(found, latents[0], ROUNDS)
    print(f"{'':18}{'PSNR':>9}{'tiny':>9}{f'full size, {options.edge} px':>24}")
    for name, cost in costs.items():
        pairs = zip(shown.get(name, ()), shown["the VAE"], strict=False)
        near = [psnr(one, other) for one, other in pairs]
        alike = f"{np.mean(near):.1f} dB" if near and name != "the VAE" else "-"
        beside = f"{tiny[name]:.1%}" if name in tiny else "-"
        print(f"{name:18}{alike:>9}{beside:>9}{cost:>24.1%}")
    if options.sheet:
        sheet = np.vstack([np.hstack(pictures) for pictures in shown.values()])
        Image.fromarray(sheet).save(options.sheet)


if __name__ == "__main__":
    main()
