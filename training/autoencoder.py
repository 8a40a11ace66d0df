"""Stage 1: the autoencoder, 8 x 8 pixels to one latent of 16 channels; later its decoder's polish.

What made so small a one train (each was tried): residual branches that begin nearly closed, few
groups in the norms so that absolute colour survives, a loss over a pyramid of averages plus edges.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from training import checkpoints
from training.crew import Crew
from training.drawing import draw
from training.scenes import random_scene

BATCH = 24
CROP = 64
WHOLE_SHARE = 0.5
"""Share of the polish that sees whole pictures, so that their borders come out clean."""
PYRAMID = (1, 2, 4, 8)
KL_WEIGHT = 3e-4
LR = 2.5e-3


def build() -> Any:
    """An untrained autoencoder of the stock class, about a million parameters."""
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=1,
        latent_channels=16,
        norm_num_groups=2,
        sample_size=128,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
        force_upcast=False,
    )
    for name, parameter in vae.named_parameters():
        if name.endswith("conv2.weight"):
            parameter.data.mul_(0.1)
    return vae


def batch(lot: random.Random, count: int, crop: int | None) -> torch.Tensor:
    """(count, 3, side, side) from -1 to 1: cut-outs of fresh pictures, or whole ones."""
    cuts = []
    for _ in range(count):
        picture = torch.from_numpy(draw(random_scene(lot), 128, 128, lot).pixels)
        if crop is not None:
            x, y = lot.randrange(128 - crop + 1), lot.randrange(128 - crop + 1)
            picture = picture[y : y + crop, x : x + crop]
        cuts.append(picture.permute(2, 0, 1))
    return torch.stack(cuts).float() / 127.5 - 1


def likeness(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Absolute differences over a pyramid of averages, and of the edges."""
    loss = made.new_zeros(())
    for size in PYRAMID:
        a, b = (made, true) if size == 1 else (F.avg_pool2d(made, size), F.avg_pool2d(true, size))
        loss = loss + F.l1_loss(a, b)
    for axis in (2, 3):
        loss = loss + F.l1_loss(made.diff(dim=axis), true.diff(dim=axis))
    return loss


def decibels(vae: Any, pictures: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of pictures that went through the autoencoder."""
    with torch.no_grad(), torch.autocast(pictures.device.type, dtype=torch.bfloat16):
        made = vae.decode(vae.encode(pictures).latent_dist.mode()).sample.float().clamp(-1, 1)
    return 10 * math.log10(4 / float(F.mse_loss(made, pictures)))


def train(crew: Crew, folder: Path, *, polish: bool = False) -> None:
    """Train the whole, or only the decoder (`polish`) with the latents as they are."""
    stage = "polish" if polish else "vae"
    path = folder / f"{stage}.pt"
    vae = build().to(crew.device)
    if polish:
        vae.load_state_dict(_model(folder / "vae.pt"))
        vae.encoder.requires_grad_(False)
    trained = [p for p in vae.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LR, betas=(0.9, 0.98), weight_decay=0.0)
    average = {k: v.clone() for k, v in vae.state_dict().items()}
    images = 0
    if state := checkpoints.load(path):
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, images, crew.spent_s = state["average"], state["images"], state["seconds"]
    lot = random.Random(1000 * images + crew.rank)
    test = batch(random.Random(-1), 32, None).to(crew.device)
    step = 0
    while (progress := crew.progress()) < 1:
        rate = min(1.0, (step + 1) / 50) * LR * (0.4 if polish else 1.0) * _decay(progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        whole = polish and lot.random() < WHOLE_SHARE
        pictures = batch(lot, BATCH // 4, None) if whole else batch(lot, BATCH, CROP)
        loss = _step(vae, pictures.to(crew.device), polish)
        loss.backward()
        crew.average_gradients(trained)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        images += len(pictures) * crew.size
        with torch.no_grad():
            for name, value in vae.state_dict().items():
                average[name].lerp_(value, 0.005)
        if crew.leads and step % 100 == 0:
            checkpoints.note(
                folder, stage, f"{crew.elapsed_s / 60:.1f} min {images} loss {loss:.4f}"
            )
        if crew.leads and step % 500 == 0:
            _save(path, vae, optimizer, average, images, crew)
    if crew.leads:
        _save(path, vae, optimizer, average, images, crew)
        vae.load_state_dict(average)
        checkpoints.note(folder, stage, f"done: {images} cut-outs, {decibels(vae, test):.2f} dB")


def _step(vae: Any, pictures: torch.Tensor, polish: bool) -> torch.Tensor:
    with torch.autocast(pictures.device.type, dtype=torch.bfloat16):
        if polish:
            with torch.no_grad():
                latents = vae.encode(pictures).latent_dist.mode()
            return likeness(vae.decode(latents).sample.float(), pictures)
        spread = vae.encode(pictures).latent_dist
        made = vae.decode(spread.sample()).sample.float()
        loss: torch.Tensor = likeness(made, pictures) + KL_WEIGHT * spread.kl().mean() / 64
        return loss


def _decay(progress: float) -> float:
    return 1.0 if progress < 0.4 else max(0.0, (1 - progress) / 0.6)


def _save(path: Path, vae: Any, optimizer: Any, average: Any, images: int, crew: Crew) -> None:
    state = {"model": vae.state_dict(), "optimizer": optimizer.state_dict(), "average": average}
    checkpoints.save(path, state | {"images": images, "seconds": crew.elapsed_s})


def _model(path: Path) -> dict[str, torch.Tensor]:
    state = checkpoints.load(path)
    if state is None:
        raise FileNotFoundError(f"{path} is missing: train that stage first")
    average: dict[str, torch.Tensor] = state["average"]
    return average


def trained(folder: Path) -> Any:
    """The autoencoder as far as it is trained, polished where that was done; on the CPU.

    scaling_factor and shift_factor in its config are those of the latents of fresh pictures.
    """
    vae = build()
    polished = folder / "polish.pt"
    vae.load_state_dict(_model(polished if polished.exists() else folder / "vae.pt"))
    vae.eval().requires_grad_(False)
    with torch.no_grad():
        latents = vae.encode(batch(random.Random(-2), 256, None)).latent_dist.mode()
    vae.register_to_config(
        scaling_factor=round(1 / float(latents.std()), 4),
        shift_factor=round(float(latents.mean()), 4),
    )
    return vae
