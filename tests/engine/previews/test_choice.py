"""What shows previews: the VAE, a tiny autoencoder that the operator has, or a linear map."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limner.core.errors import ConfigError
from limner.engine.loading import load
from limner.engine.preview import PREVIEW_TOKENS, Decoder
from limner.engine.previews import PreviewChoice, choice
from limner.engine.previews.choice import choose_sketch
from limner.engine.previews.linear import LinearMap
from limner.engine.previews.small import SmallDecoder

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the same class as TAEF1, with few random weights."""
    return build_small(tmp_path_factory.mktemp("decoders") / "taef1", latent_channels=16)


def build_small(path: Path, latent_channels: int) -> str:
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        latent_channels=latent_channels,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).save_pretrained(path)
    return str(path)


def chosen(loaded: Any, previews: Any, decoder: str | None = None) -> Any:
    return choose_sketch(PreviewChoice(previews, decoder), loaded.pipeline.vae, torch.float32)


def test_a_small_vae_shows_its_own_previews(loaded: Any) -> None:
    assert chosen(loaded, "auto") is None
    assert chosen(loaded, "vae") is None


def test_a_large_vae_on_a_cpu_is_too_dear_for_previews(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "CHEAP_WEIGHTS", 1000)
    assert isinstance(chosen(loaded, "auto"), LinearMap)
    assert chosen(loaded, "vae") is None
    elsewhere = loaded.pipeline.vae.__class__.from_config(loaded.pipeline.vae.config).to("meta")
    assert choose_sketch(PreviewChoice(), elsewhere, torch.float32) is None


def test_a_tiny_autoencoder_decodes_where_there_is_one(loaded: Any, small: str) -> None:
    sketch = chosen(loaded, "auto", small)
    assert isinstance(sketch, SmallDecoder)
    vae = loaded.pipeline.vae
    known = torch.randn(1, 16, 8, 12, generator=torch.Generator().manual_seed(0))
    latents = known / vae.config.scaling_factor + vae.config.shift_factor
    shown = Decoder(vae, sketch).pixels(latents, preview=True)
    with torch.inference_mode():
        picture = sketch.model.decode(known).sample[0]
    expected = ((picture / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    assert shown.shape == (64, 96, 3)
    assert np.abs(shown - expected).max() <= 1


def test_a_large_preview_of_it_comes_at_half_the_size(loaded: Any, small: str) -> None:
    decoder = Decoder(loaded.pipeline.vae, chosen(loaded, "taef1", small))
    edge = int(PREVIEW_TOKENS**0.5)
    assert decoder.pixels(torch.zeros(1, 16, edge + 2, edge), preview=True).shape == (264, 256, 3)
    assert decoder.pixels(torch.zeros(1, 16, edge, edge), preview=True).shape == (512, 512, 3)


def test_the_finished_picture_is_always_the_vae_s(loaded: Any, small: str) -> None:
    latents = torch.zeros(1, 16, 8, 8)
    vae = loaded.pipeline.vae
    whole = Decoder(vae).pixels(latents)
    for sketch in (chosen(loaded, "linear"), chosen(loaded, "taef1", small)):
        assert np.array_equal(Decoder(vae, sketch).pixels(latents), whole)


def test_one_that_is_not_there_is_missed_aloud_and_done_without(
    loaded: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen(loaded, "auto", str(tmp_path)) is None
    (record,) = (each for each in caplog.records if each.name == choice.__name__)
    assert str(tmp_path) in vars(record)["why"]


def test_one_that_is_wanted_and_not_there_is_refused(
    folder: Path, loaded: Any, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="previews 'taef1' needs --preview-decoder"):
        chosen(loaded, "taef1")
    with pytest.raises(ConfigError, match=r"cannot be loaded.*accepted is a folder"):
        chosen(loaded, "taef1", str(tmp_path))
    with pytest.raises(ConfigError, match="after: hf download nobody/taef1"):
        load(
            str(folder),
            device="cpu",
            threads=1,
            previews=PreviewChoice("taef1", "nobody/taef1"),
        )


def test_one_for_other_latents_is_refused(loaded: Any, tmp_path: Path) -> None:
    other = build_small(tmp_path / "taesd", latent_channels=4)
    with pytest.raises(ConfigError, match=r"decodes 4 channels.*AutoencoderKL's with 16"):
        chosen(loaded, "taef1", other)


def test_loading_brings_what_was_chosen(folder: Path, small: str) -> None:
    def sketch(previews: Any, decoder: str | None = None) -> Any:
        chosen = PreviewChoice(previews, decoder)
        return load(str(folder), device="cpu", threads=1, previews=chosen).sketch

    assert sketch("auto") is None
    assert isinstance(sketch("linear"), LinearMap)
    assert isinstance(sketch("taef1", small), SmallDecoder)
