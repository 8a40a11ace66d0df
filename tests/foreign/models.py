"""Language models made in a second, with the classes and the files of `transformers`.

`write_scripted` writes one that knows a few sentences by heart: every token has one successor,
which its last layer says, and all layers before it say nothing. Where its reply begins, its chat
template decides. `write_babbling` writes one whose weights are left as chance made them.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

END, UNKNOWN = "<|im_end|>", "<unk>"
REPLY = "<|im_start|>assistant\n"
PROMPT = "a red circle"
CALL = ('{"name": "image_generation", ', f'"arguments": {{"prompt": "{PROMPT}"}}}}')

# What a reply begins with, and how it goes on. Qwen's own template begins a reply without a thought
# with an empty one; here its shape tells the sentences apart.
SENTENCES = {
    "": ("<think>", "A circle, ", "then.", "</think>", "<tool_call>", *CALL, "</tool_call>"),
    "<think>\n</think>": ("One moment.", "\n```tool_call\n", *CALL, "\n```"),
    "<think>\n\n</think>": ("Here ", "it ", "is."),
    "<think> </think>": ("Hello", "."),
}
CALLS, WRITES_CALL, SHOWS, TALKS = SENTENCES
TEMPLATE = f"""\
{{%- for message in messages -%}}
<|im_start|> {{{{ message['role'] }}}} {{{{ message['content'] }}}} {END}
{{%- endfor -%}}
{REPLY.strip()}{{{{ '\\n' }}}}
{{%- if '"ok"' in messages[-1]['content'] -%}}{SHOWS}
{{%- elif tools -%}}{CALLS}
{{%- elif 'tool_call' in messages[0]['content'] -%}}{WRITES_CALL}
{{%- else -%}}{TALKS}
{{%- endif -%}}
"""


def write_scripted(cache: Path, name: str) -> None:
    """Lay it into a cache of models as if it had been pulled from the hub by this name."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer, vocabulary = _tokenizer()
    model = AutoModelForCausalLM.from_config(_config(vocabulary))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.model.norm.weight.fill_(1)
        model.model.embed_tokens.weight.copy_(torch.eye(len(vocabulary)))
        for start, words in SENTENCES.items():
            for token, successor in pairwise((start or REPLY, *words, END)):
                model.lm_head.weight[vocabulary[successor], vocabulary[token]] = 1
    _save(cache, name, model, tokenizer)


def write_babbling(cache: Path, name: str) -> None:
    """The same, for one that says anything."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer, vocabulary = _tokenizer()
    torch.manual_seed(0)
    _save(cache, name, AutoModelForCausalLM.from_config(_config(vocabulary)), tokenizer)


def _tokenizer() -> tuple[Any, dict[str, int]]:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    starts = [start for start in SENTENCES if start]
    words = [word for sentence in SENTENCES.values() for word in sentence]
    pieces = dict.fromkeys((UNKNOWN, END, "<|im_start|>", REPLY, *starts, *words))
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    whole = [AddedToken(piece, normalized=False) for piece in (REPLY, *starts)]
    tokenizer.add_tokens(whole)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=END)
    fast.chat_template = TEMPLATE
    return fast, vocabulary


def _config(vocabulary: dict[str, int]) -> Any:
    """One token is one channel, so that the weights of the last layer can name each."""
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=len(vocabulary),
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        eos_token_id=vocabulary[END],
        bos_token_id=None,
        pad_token_id=None,
    )


def _save(cache: Path, name: str, model: Any, tokenizer: Any) -> None:
    folder = cache / f"models--{name.replace('/', '--')}"
    revision = "0" * 40
    snapshot = folder / "snapshots" / revision
    model.save_pretrained(snapshot)
    tokenizer.save_pretrained(snapshot)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
