"""Stage 2: the text encoder, taught to gather a caption's meaning in the slots.

Linear heads read each slot's hidden state, at the depth that the pipeline reads, and must name what
the scene shows. The heads are thrown away; what stays is an encoder with clean slots.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import Qwen3Config, Qwen3Model

from training import checkpoints, tokenizer
from training.captions import caption, sample
from training.crew import Crew
from training.scenes import (
    BACKGROUNDS,
    COLOURS,
    GROUNDS,
    LAYOUTS,
    SIZES,
    TIMES,
    WHATS,
    Arrangement,
    Scene,
    held_out_scene,
)

HIDDEN = 128
BATCH = 64
LR = 1.5e-3
NONE = "none"
PLACES: Mapping[str, tuple[str, ...]] = {
    "one": ("centre",),
    "vertical": ("top", "bottom"),
    "horizontal": ("left", "right"),
    "two": ("two",),
    "three": ("three",),
    "four": ("four",),
}
_FIGURE = {
    "what": (NONE, *WHATS),
    "colour": (NONE, *COLOURS),
    "size": (NONE, *SIZES),
    "place": (NONE, *(place for places in PLACES.values() for place in places)),
}
HEADS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "layout": {"layout": ("landscape", *LAYOUTS)},
    "background": {"colour": (NONE, *BACKGROUNDS)},
    "first": _FIGURE,
    "second": _FIGURE,
    "land": {"time": (NONE, *TIMES), "ground": (NONE, *GROUNDS)},
    "stands": {"house": (NONE, *COLOURS), "trees": (NONE, "yes"), "boat": (NONE, *COLOURS)},
}
"""What each slot must tell: the matter, and the answers there are."""


def build() -> Any:
    """An untrained encoder of the stock class. Its last layer is never read, as in Z-Image."""
    vocabulary = len(tokenizer.build())
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=HIDDEN,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=tokenizer.MAX_TOKENS,
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return Qwen3Model(config)


def meaning(scene: Scene) -> list[int]:
    """The right answer of every head, in their order."""
    said: dict[tuple[str, str], str] = {}
    if isinstance(scene, Arrangement):
        said["layout", "layout"] = scene.layout
        said["background", "colour"] = scene.background
        placed = zip(("first", "second"), scene.figures, PLACES[scene.layout], strict=False)
        for slot, figure, place in placed:
            said |= {(slot, "what"): figure.what, (slot, "colour"): figure.colour}
            said |= {(slot, "size"): figure.size, (slot, "place"): place}
    else:
        said["land", "time"], said["land", "ground"] = scene.time, scene.ground
        said["stands", "house"] = scene.house or NONE
        said["stands", "trees"] = "yes" if scene.trees else NONE
        said["stands", "boat"] = scene.boat or NONE
    return [
        choices.index(said.get((slot, head), choices[0]))
        for slot, heads in HEADS.items()
        for head, choices in heads.items()
    ]


def tokens(prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (prompts, longest), slots included."""
    made = tokenizer.build()(
        [tokenizer.with_slots(prompt) for prompt in prompts],
        padding="longest",
        truncation=True,
        max_length=tokenizer.MAX_TOKENS,
        return_tensors="pt",
    )
    return made.input_ids, made.attention_mask


def embed(encoder: Any, prompts: list[str]) -> list[torch.Tensor]:
    """The embedding that a pipeline gives the painter: (tokens, HIDDEN) for each prompt."""
    ids, mask = tokens(prompts)
    device = next(encoder.parameters()).device
    with torch.no_grad():
        states = hidden(encoder, ids.to(device), mask.to(device))
    return [state[: int(length)] for state, length in zip(states, mask.sum(1), strict=True)]


def hidden(encoder: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(prompts, tokens, HIDDEN): the last but one of the hidden states."""
    states: torch.Tensor = encoder(
        input_ids=ids, attention_mask=mask, output_hidden_states=True
    ).hidden_states[-2]
    return states


class Readers(torch.nn.Module):
    """The heads, one linear map for each question."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = torch.nn.ModuleList(
            torch.nn.Linear(HIDDEN, len(choices))
            for heads in HEADS.values()
            for choices in heads.values()
        )
        self.slots = [i for i, heads in enumerate(HEADS.values()) for _ in heads]

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """Scores (prompts, answers) of every head; the slots are the last tokens of each prompt."""
        first = mask.sum(1) - len(HEADS)
        rows = torch.arange(len(states), device=states.device)
        normed = F.rms_norm(states, (HIDDEN,))
        return [
            head(normed[rows, first + slot])
            for head, slot in zip(self.maps, self.slots, strict=True)
        ]


def train(crew: Crew, folder: Path) -> None:
    """Train encoder and heads; a few minutes in one process are enough."""
    path = folder / "text.pt"
    torch.manual_seed(0)
    encoder, readers = build().to(crew.device), Readers().to(crew.device)
    parameters = [*encoder.parameters(), *readers.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=0.01)
    step = 0
    if state := checkpoints.load(path):
        encoder.load_state_dict(state["model"])
        readers.load_state_dict(state["readers"])
        optimizer.load_state_dict(state["optimizer"])
        step, crew.spent_s = state["step"], state["seconds"]
    lot = random.Random(7000 * step + crew.rank)
    while (progress := crew.progress()) < 1:
        for group in optimizer.param_groups:
            group["lr"] = LR * min(1.0, (step + 1) / 100, 2 * (1 - progress))
        asked = [sample(lot) for _ in range(BATCH)]
        ids, mask = (part.to(crew.device) for part in tokens([text for text, _ in asked]))
        truth = torch.tensor([meaning(scene) for _, scene in asked], device=crew.device)
        scores = readers(hidden(encoder, ids, mask), mask)
        loss = torch.stack([F.cross_entropy(s, truth[:, i]) for i, s in enumerate(scores)]).sum()
        loss.backward()
        crew.average_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if crew.leads and step % 200 == 0:
            checkpoints.note(
                folder,
                "text",
                f"{crew.elapsed_s / 60:.1f} min step {step} loss {float(loss.detach()):.4f}",
            )
    if crew.leads:
        state = {"model": encoder.state_dict(), "readers": readers.state_dict()}
        state |= {"optimizer": optimizer.state_dict(), "step": step, "seconds": crew.elapsed_s}
        checkpoints.save(path, state)
        share = understanding(encoder, readers)
        checkpoints.note(
            folder, "text", f"done: {step} steps, {share:.2%} of scenes understood whole"
        )


def understanding(encoder: Any, readers: Readers, count: int = 2000) -> float:
    """Share of captions of held-out scenes whose every head answers right."""
    lot = random.Random(-3)
    scenes = [held_out_scene(lot, lot.choice(LAYOUTS), WHATS) for _ in range(count)]
    ids, mask = tokens([caption(scene, lot) for scene in scenes])
    truth = torch.tensor([meaning(scene) for scene in scenes])
    device = next(encoder.parameters()).device
    with torch.no_grad():
        scores = readers(hidden(encoder, ids.to(device), mask.to(device)), mask.to(device))
    right = torch.stack([s.argmax(1).cpu() == truth[:, i] for i, s in enumerate(scores)])
    return float(right.all(0).float().mean())


def trained(folder: Path) -> Any:
    """The trained encoder, on the CPU, not training."""
    state = checkpoints.load(folder / "text.pt")
    if state is None:
        raise FileNotFoundError(f"{folder / 'text.pt'} is missing: train that stage first")
    encoder = build()
    encoder.load_state_dict(state["model"])
    return encoder.eval().requires_grad_(False)
