"""A pipeline of Z-Image's own classes with random weights: small, real, and made in a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {
    "native_size": [64, 64],
    "buckets": [[64, 64], [96, 48], [48, 96]],
    "steps": 8,
    "guidance": 0,
}
WORDS = ("a", "red", "blue", "circle", "square", "above", "on", "yellow", "background", "the")
TEMPLATE = (
    "{%- for message in messages -%}<|user|> {{ message['content'] }} {% endfor -%}"
    "{%- if add_generation_prompt -%}<|picture|>{%- endif -%}"
    "{%- if not enable_thinking -%}<|short|>{%- endif -%}"
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads that meet at every operation are slower than one on a small machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ("<pad>", "<unk>", "<|user|>", "<|picture|>", "<|short|>")
    vocabulary = {word: i for i, word in enumerate((*special, *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", padding_side="right"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def build_pipeline() -> Any:
    """Seeded, so that every session tests the same numbers."""
    import torch
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        ZImagePipeline,
        ZImageTransformer2DModel,
    )
    from transformers import Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=16,
        norm_num_groups=2,
        layers_per_block=1,
        scaling_factor=0.5,
        shift_factor=0.1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
    )
    text_encoder = Qwen3Model(
        Qwen3Config(
            vocab_size=32,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=512,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    transformer = ZImageTransformer2DModel(
        dim=64,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=32,
        axes_dims=[8, 12, 12],
        axes_lens=[576, 64, 64],
    )
    for parameter in (*transformer.parameters(),):
        if not parameter.any():  # pad tokens and the like begin as zeros, which would hide mistakes
            torch.nn.init.normal_(parameter, std=0.2)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    return ZImagePipeline(scheduler, vae, text_encoder, build_tokenizer(), transformer)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline as saved to disk, with the settings of a model that has buckets."""
    path = tmp_path_factory.mktemp("models") / "random"
    build_pipeline().save_pretrained(path)
    index = json.loads((path / "model_index.json").read_text())
    # The class that transformers 5 writes here reads a word-level file with other ids.
    index["tokenizer"] = ["transformers", "PreTrainedTokenizerFast"]
    (path / "model_index.json").write_text(json.dumps(index))
    (path / "limner.json").write_text(json.dumps(SETTINGS))
    return path


@pytest.fixture(scope="session")
def loaded(folder: Path) -> Any:
    from limner.engine.loading import load

    return load(str(folder), device="cpu", threads=1)
