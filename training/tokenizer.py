"""The tokenizer: a word level one whose normaliser knows synonyms, with slots after the prompt.

The chat template ends in a fixed row of *slot* tokens. The text encoder learns to gather there what
the picture must show, one matter to a slot, so that the painter need not read sentences.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from training.words import MEANINGS, SAID_FOR_NOTHING

SLOTS = ("layout", "background", "first", "second", "land", "stands")
SLOT_TOKENS = tuple(f"<|{name}|>" for name in SLOTS)
PAD, UNKNOWN = "<pad>", "<unk>"
MAX_TOKENS = 512
KNOWN_WORDS = 32 - len(SLOTS)
TEMPLATE = "{%- for message in messages -%}{{ message['content'] }}{%- endfor -%}" + "".join(
    SLOT_TOKENS
)
"""Takes `enable_thinking` and `add_generation_prompt`, as any chat template, and needs neither."""


@cache
def build() -> Any:
    """The tokenizer, as transformers' fast class.

    Words that it does not know are dropped, and so are all after the first KNOWN_WORDS, so that
    with its slots every prompt fills one block of 32 tokens, as in training: a longer one would
    shift the positions at which the painter sees the picture.
    """
    vocabulary = [PAD, UNKNOWN, *SLOT_TOKENS, *MEANINGS]
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token=UNKNOWN)
    )
    spelled = [
        normalizers.Replace(Regex(rf"(?<!\w)(?:{spelling})(?!\w)"), f" {word} ")
        for word, spelling in MEANINGS.items()
    ]
    dropped = normalizers.Replace(Regex(rf"(?<!\w)(?:{SAID_FOR_NOTHING})(?!\w)"), " ")
    signs = normalizers.Replace(Regex(r"[^\w\s]+|_"), " ")
    known = "|".join(MEANINGS)
    foreign = normalizers.Replace(Regex(rf"(?<!\w)(?!(?:{known})(?!\w))\w+"), " ")
    rest = normalizers.Replace(Regex(rf"^(?>\s*\S+){{{KNOWN_WORDS}}}\K[\s\S]*"), " ")
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), signs, *spelled, dropped, foreign, rest]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        pad_token=PAD,
        additional_special_tokens=list(SLOT_TOKENS),
        model_max_length=MAX_TOKENS,
        truncation_side="left",
        padding_side="right",
    )
    fast.chat_template = TEMPLATE
    return fast


def with_slots(prompt: str) -> str:
    """A prompt as the chat template makes it."""
    return prompt + "".join(SLOT_TOKENS)
