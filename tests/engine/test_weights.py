"""Files of weights say how many numbers they hold, and which may be held in eight bits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limner.core.image import Size
from limner.engine.activations import decode_bytes_per_px, step_bytes
from limner.engine.quantizing import is_quantized, is_quantized_part
from limner.engine.weights import Part, Precision, weigh

BF16 = Precision("bfloat16")
NATIVE = Size(1024, 1024)


@pytest.mark.parametrize("content", [b"", b"\x02" + bytes(7) + b"[]", b"\xff" * 9])
def test_weights_that_cannot_be_read_are_left_to_who_reads_them(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "model.safetensors").write_bytes(content)
    assert weigh(tmp_path) == ()


@pytest.mark.engine
def test_what_headers_say_is_what_is_loaded(folder: Path) -> None:
    from diffusers import ZImagePipeline

    parts = {part.name: part for part in weigh(folder)}
    pipeline = ZImagePipeline.from_pretrained(folder)
    for name in ("text_encoder", "transformer", "vae"):
        numbers = sum(each.numel() for each in getattr(pipeline, name).parameters())
        assert parts[name].numbers == numbers
    assert parts.keys() == {"text_encoder", "transformer", "vae"}
    assert parts["vae"].in_matrices == 0
    assert 0 < parts["transformer"].in_matrices < parts["transformer"].numbers


def test_a_folder_that_the_index_does_not_name_is_no_part(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]}}).encode()
    for name in ("vae", "vae_of_yesterday"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "model.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "model_index.json").write_text('{"vae": ["diffusers", "AutoencoderKL"]}')
    assert weigh(tmp_path) == (Part("vae", 8, 0, 8, {}),)


@pytest.mark.parametrize(
    ("weight", "shape", "narrow"),
    [
        ("layers.0.attention.to_q.weight", (3840, 3840), True),
        ("layers.0.feed_forward.w1.weight", (10240, 3840), True),
        ("noise_refiner.1.attention.to_out.0.weight", (3840, 3840), True),
        ("layers.0.adaLN_modulation.0.weight", (15360, 256), False),
        ("layers.0.attention.norm_q.weight", (128,), False),
        ("t_embedder.mlp.0.weight", (1024, 256), False),
        ("cap_embedder.1.weight", (3840, 2560), False),
        ("all_x_embedder.2-1.weight", (3840, 64), False),
        ("all_final_layer.2-1.linear.weight", (64, 3840), False),
        ("transformer_blocks.3.img_mod.1.weight", (18432, 3072), False),
        ("transformer_blocks.3.img_mlp.net.0.proj.weight", (12288, 3072), True),
        ("single_transformer_blocks.3.attn.to_qkv_mlp_proj.weight", (27648, 3072), True),
        ("proj_out.weight", (64, 3072), False),
        ("norm_out.linear.weight", (6144, 3072), False),
        ("mid_block.attentions.0.proj_in.weight", (1280, 1280), True),
        ("mid_block.resnets.0.time_emb_proj.weight", (1280, 1280), False),
        ("mid_block.resnets.0.conv1.weight", (1280, 1280, 3, 3), False),
        ("model.layers.3.self_attn.q_proj.weight", (4096, 2560), True),
        ("embed_tokens.weight", (151936, 2560), False),
        ("shared.weight", (32128, 4096), False),
        ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (32, 64), False),
        ("layers.0.attention.to_q.weight", (3840, 100), False),
        ("layers.0.attention.to_q.bias", (3840, 3840), False),
    ],
)
def test_matrices_inside_blocks_are_narrow_and_what_all_depends_on_is_not(
    weight: str, shape: tuple[int, ...], narrow: bool
) -> None:
    assert is_quantized(weight, shape) is narrow


def test_only_what_consists_of_matrices_is_quantized() -> None:
    assert all(map(is_quantized_part, ("transformer", "transformer_2", "unet", "text_encoder_3")))
    assert not any(map(is_quantized_part, ("vae", "image_encoder", "safety_checker")))


def part(name: str, **config: object) -> Part:
    return Part(name, 1000, 0, 10, config)


@pytest.mark.parametrize(
    ("denoiser", "gigabytes"),
    [
        (part("transformer", dim=3840), 1.132),  # Z-Image: 2 x 16 x 4608 x 3840 x 2 bytes
        (part("transformer", num_attention_heads=24, attention_head_dim=128), 0.906),
        (part("unet", block_out_channels=[320, 640, 1280]), 0.336),  # SDXL, guided: 0.331 counted
        (part("transformer", surprise=1), 200e-9),
        (part("vae"), 0),
    ],
)
def test_a_step_takes_as_much_as_the_hidden_state_is_large(
    denoiser: Part, gigabytes: float
) -> None:
    assert step_bytes([denoiser], NATIVE, BF16) / 1e9 == pytest.approx(gigabytes, abs=0.001)


def test_decoding_takes_three_times_the_widest_tensor_at_full_resolution() -> None:
    flux = part("vae", block_out_channels=[128, 256, 512, 512])
    assert decode_bytes_per_px([flux], BF16) == 3 * 256 * 2
    assert decode_bytes_per_px([flux], Precision("float16")) == 3 * 256 * 4
    assert decode_bytes_per_px([part("vae", block_out_channels=[64])], BF16) == 3 * 64 * 2
    assert decode_bytes_per_px([part("vae", base_dim=96)], BF16) == 3 * 256 * 2
    assert decode_bytes_per_px([], BF16) == 0
