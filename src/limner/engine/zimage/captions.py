"""From a prompt to what the transformer reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from limner.engine.zimage import rope

MAX_CAPTION_TOKENS = 512
"""What Z-Image was trained with; Diffusers cuts there too."""


@dataclass(frozen=True, slots=True)
class Features:
    """A prompt as the text encoder understood it.

    states: (tokens, hidden of the text encoder), on the device. cut: tokens that were left out.
    """

    states: Any
    cut: int


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt, ready for every step of every picture made of it.

    features: (tokens, hidden of the text encoder), on the device. cut: tokens that were left out.
    read: what the transformer's blocks see of it, whatever `Forward.read` made.
    """

    features: Any
    cut: int
    read: Any

    @property
    def tokens(self) -> int:
        return len(self.features)

    @property
    def padded_tokens(self) -> int:
        return rope.padded(self.tokens)


def features(tokenizer: Any, text_encoder: Any, prompt: str, device: Any) -> Features:
    """Let the text encoder read a prompt.

    It sees the real tokens only: it is causal, so padding to the right, which Diffusers adds and
    masks away, changes nothing but the time it takes.
    """
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=True,
    )
    tokens = tokenizer(
        text, truncation=True, max_length=MAX_CAPTION_TOKENS, return_tensors="pt"
    ).to(device)
    whole = len(tokenizer(text, verbose=False).input_ids)
    with torch.inference_mode():
        states = text_encoder(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            output_hidden_states=True,
        ).hidden_states[-2]
    return Features(states[0], cut=whole - len(states[0]))
