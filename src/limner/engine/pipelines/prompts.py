"""How long a prompt is to a pipeline's text encoder, and how much of it is cut off."""

from __future__ import annotations

from typing import Any

from limner.engine.pipelines.siblings import takes

_TOKENIZERS = ("tokenizer_3", "tokenizer_2", "tokenizer")
"""Of several encoders the last reads the most; the others tell the picture's general direction."""


def lengths(pipeline: Any, prompt: str) -> tuple[int, int]:
    """Tokens of the prompt that are read, and those beyond what the pipeline reads."""
    tokenizer = next(
        (part for name in _TOKENIZERS if (part := getattr(pipeline, name, None))), None
    )
    if tokenizer is None:
        return 0, 0
    tokens = len(tokenizer(prompt, verbose=False).input_ids)
    limit = takes(type(pipeline)).get("max_sequence_length")
    most = limit.default if limit else tokenizer.model_max_length
    return min(tokens, most), max(0, tokens - most)
