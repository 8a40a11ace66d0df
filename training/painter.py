"""Stage 3: the painter, a flow-matching transformer of Z-Image's own class.

It sees latents x = (1 - s) x0 + s n at a noise level s, and learns x0 - n, which is what the class
gives back; its time is 1 - s. Half of the levels are those of the eight steps of painting.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import ZImageTransformer2DModel

from training import autoencoder, checkpoints, pool, text
from training.crew import Crew
from training.muon import Muon
from training.pool import Pool, Sample
from training.scenes import FOCUS_DIET

BATCH = 32
MUON_RATE = 0.02
ADAM_RATE = 1.2e-3
SHIFT = 3.0
STEPS = 8
NATIVE_SHARE = 0.75
FRESH = 8
NOTE_EVERY, SAVE_EVERY, SHOW_EVERY = 50, 250, 500
"""In steps."""
DECAY_FROM = 0.45
FOCUS_FROM = 0.8
"""Share of the time after which only native size and the harder kinds are trained."""


def build() -> Any:
    """An untrained painter of about five million parameters; it begins by answering zero."""
    model = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=16,
        dim=192,
        n_layers=6,
        n_refiner_layers=1,
        n_heads=3,
        n_kv_heads=3,
        norm_eps=1e-5,
        qk_norm=True,
        cap_feat_dim=text.HIDDEN,
        rope_theta=256.0,
        t_scale=1000.0,
        axes_dims=[16, 24, 24],
        axes_lens=[1024, 64, 64],
    )
    for name, parameter in model.named_parameters():
        modulation = "adaLN_modulation.0." in name
        answer = name.startswith("all_final_layer") and ".linear." in name
        if answer or (modulation and name.endswith("weight")):
            torch.nn.init.zeros_(parameter)
        elif modulation:
            # Scale and gate of attention, then of the feed-forward part: the gates open at 0.3.
            parameter.data.zero_()
            _, first_gate, _, second_gate = parameter.data.chunk(4)
            first_gate.fill_(0.3)
            second_gate.fill_(0.3)
        elif name in ("x_pad_token", "cap_pad_token"):
            torch.nn.init.normal_(parameter, std=0.02)
    return model


def levels(lot: torch.Generator, count: int) -> torch.Tensor:
    """Noise levels for `count` samples: half on the grid of eight steps, half anywhere; shifted."""
    grid = torch.linspace(1, 1 / STEPS, STEPS)
    chosen = grid[torch.randint(STEPS, (count,), generator=lot)]
    anywhere = torch.rand(count, generator=lot)
    u = torch.where(torch.rand(count, generator=lot) < 0.5, chosen, anywhere)
    return SHIFT * u / (1 + (SHIFT - 1) * u)


def loss_of(
    model: Any, samples: list[Sample], captions: list[torch.Tensor], lot: torch.Generator
) -> torch.Tensor:
    """Weighted mean square error of the velocity over a batch of equal sizes."""
    device = next(model.parameters()).device
    clean = torch.stack([sample.latents for sample in samples]).to(device)
    weight = torch.stack([sample.weight for sample in samples]).to(device)[:, None]
    noise = torch.randn(clean.shape, generator=lot).to(device)
    s = levels(lot, len(samples)).to(device)
    mixed = torch.lerp(clean, noise, s[:, None, None, None])
    with torch.autocast(device.type, dtype=torch.bfloat16):
        made = model([x[:, None] for x in mixed], 1 - s, captions, patch_size=2, f_patch_size=1)
    velocity = torch.stack(list(made.sample)).squeeze(2).float()
    return (weight * (velocity - (clean - noise)).square()).mean()


def split(model: Any) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """Parameters for Muon (the blocks' matrices, not the modulation) and for Adam (all others)."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = name.startswith(("layers.", "noise_refiner.", "context_refiner."))
        muon = inside and parameter.ndim == 2 and "adaLN" not in name
        (matrices if muon else others).append(parameter)
    return matrices, others


def pace(progress: float, step: int) -> float:
    """The share of the learning rates: a short rise, a plateau, a straight way down to nothing."""
    fall = 1.0 if progress < DECAY_FROM else (1 - progress) / (1 - DECAY_FROM)
    return min(1.0, (step + 1) / 100) * max(0.0, fall)


class Easel:
    """All that a process needs to train the painter, and its checkpoints."""

    def __init__(self, crew: Crew, folder: Path) -> None:
        torch.manual_seed(0)
        self.crew, self.folder = crew, folder
        self.encoder = text.trained(folder).to(crew.device)
        self.model = build().to(crew.device)
        self.matrices, self.others = split(self.model)
        self.muon = Muon(self.matrices, crew)
        self.adam = torch.optim.AdamW(self.others, betas=(0.9, 0.98), weight_decay=0.0)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.step = self.images = 0
        self.restore()
        seed = self.step * 64 + crew.rank
        self.lot = random.Random(seed)
        self.noise = torch.Generator().manual_seed(seed)
        vae = autoencoder.trained(folder).to(crew.device)
        self.pools = {
            size: Pool(vae, size, 6000 if size == pool.NATIVE else 800, self.lot)
            for size in pool.BUCKETS
        }

    def restore(self) -> None:
        if state := checkpoints.load(self.folder / "painter.pt"):
            self.model.load_state_dict(state["model"])
            self.muon.load_state_dict(state["muon"])
            self.adam.load_state_dict(state["adam"])
            self.average, self.step = state["average"], state["step"]
            self.images, self.crew.spent_s = state["images"], state["seconds"]

    def save(self) -> None:
        checkpoints.save(
            self.folder / "painter.pt",
            {
                "model": self.model.state_dict(),
                "muon": self.muon.state_dict(),
                "adam": self.adam.state_dict(),
                "average": self.average,
                "step": self.step,
                "images": self.images,
                "seconds": self.crew.elapsed_s,
            },
        )

    def batch(self, progress: float) -> list[Sample]:
        size = pool.NATIVE
        focused = progress >= FOCUS_FROM
        if not focused and self.lot.random() > NATIVE_SHARE:
            size = self.lot.choice(pool.BUCKETS[1:])
        chosen = self.pools[size]
        chosen.diet = FOCUS_DIET if focused and self.lot.random() < 0.7 else None
        return chosen.batch(BATCH, FRESH)

    def advance(self, progress: float) -> float:
        """One step; returns its loss."""
        samples = self.batch(progress)
        captions = text.embed(self.encoder, [sample.caption for sample in samples])
        loss = loss_of(self.model, samples, captions, self.noise)
        loss.backward()
        self.crew.average_gradients([*self.matrices, *self.others])
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        rate = pace(progress, self.step)
        self.muon.step(MUON_RATE * rate)
        for group in self.adam.param_groups:
            group["lr"] = ADAM_RATE * rate
        self.adam.step()
        self.adam.zero_grad()
        self.step += 1
        self.images += BATCH * self.crew.size
        with torch.no_grad():
            keep = min(0.998, 1 - 1 / (1 + self.step / 10))
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        return float(loss.detach())


def train(crew: Crew, folder: Path, *, show: Callable[[Path, int], None] | None = None) -> None:
    """Train until the budget is spent; a checkpoint every few minutes.

    show: paints samples from the checkpoints in a folder, after so many images.
    """
    easel = Easel(crew, folder)
    losses: list[float] = []
    while (progress := crew.progress()) < 1:
        losses.append(easel.advance(progress))
        if not crew.leads:
            continue
        if easel.step % NOTE_EVERY == 0:
            mean = sum(losses) / len(losses)
            losses.clear()
            minutes = crew.elapsed_s / 60
            rate = f"{easel.images / minutes:.0f} a minute"
            line = f"{minutes:.1f} min {easel.images} images, {rate}, loss {mean:.4f}"
            checkpoints.note(folder, "painter", line)
        if easel.step % SAVE_EVERY == 0:
            easel.save()
        if show is not None and easel.step % SHOW_EVERY == 0:
            show(folder, easel.images)
    if crew.leads:
        easel.save()
        checkpoints.note(folder, "painter", f"done: {easel.images} images, {easel.step} steps")


def trained(folder: Path) -> Any:
    """The averaged painter of the last checkpoint, on the CPU, not training."""
    state = checkpoints.load(folder / "painter.pt")
    if state is None:
        raise FileNotFoundError(f"{folder / 'painter.pt'} is missing: train that stage first")
    model = build()
    model.load_state_dict(state["average"])
    return model.eval().requires_grad_(False)
