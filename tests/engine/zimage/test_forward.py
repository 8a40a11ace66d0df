"""Our pass answers as Diffusers' does, for every shape that has hurt an engine before."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from limner.engine.loading import Loaded
from limner.engine.zimage import fit
from limner.engine.zimage.attention import native
from limner.engine.zimage.denoise import Denoiser
from limner.engine.zimage.forward import OwnForward, StockForward, patches, picture

pytestmark = pytest.mark.engine
HIDDEN = 32
SHAPES = [(8, 8), (12, 6), (10, 6), (6, 10), (2, 2), (2, 22), (16, 16)]
"""Latents of 64x64, 96x48, 80x48 px and odder: 16, 18, 15, 15, 1, 11 and 64 tokens."""


@pytest.fixture(scope="module")
def model(loaded: Any) -> Any:
    """With norms that differ: fresh ones are all ones, which would hide one taken for another."""
    own = copy.deepcopy(loaded.pipeline.transformer)
    torch.manual_seed(0)
    for parameter in own.parameters():
        if (parameter == 1).all():
            torch.nn.init.normal_(parameter, mean=1, std=0.3)
    return own


def ask(
    forward: Any, latents: torch.Tensor, lengths: Sequence[int], times: Sequence[float]
) -> torch.Tensor:
    """Rows with captions of these lengths at these times; the same question for the same shapes."""
    torch.manual_seed(1)
    captions = [torch.randn(length, HIDDEN).to(latents.dtype) for length in lengths]
    with torch.inference_mode():
        read = [forward.read(caption) for caption in captions]
        told = forward.modulations(torch.tensor(times))
        return cast("torch.Tensor", forward.forward(latents, read, told))


def noise(batch: int, height: int, width: int) -> torch.Tensor:
    return torch.randn(batch, 16, height, width, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("caption", [1, 31, 32, 33, 64, 512])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_any_size_with_any_caption_is_answered_as_by_diffusers(
    model: Any, height: int, width: int, caption: int
) -> None:
    latents = noise(1, height, width)
    expected = ask(StockForward(model), latents, [caption], [0.25])
    answer = ask(OwnForward(model, native), latents, [caption], [0.25])
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=0)


def test_rows_of_a_batch_keep_their_own_step_and_caption(model: Any) -> None:
    latents, lengths, times = noise(4, 10, 6), [1, 31, 32, 20], [0.0, 0.1, 0.7, 0.95]
    expected = ask(StockForward(model), latents, lengths, times)
    answer = ask(OwnForward(model, native), latents, lengths, times)
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=0)


def test_the_padding_of_a_caption_is_seen_and_never_longer_than_needed(model: Any) -> None:
    own = OwnForward(model, native)
    features = torch.randn(33, HIDDEN)
    with torch.inference_mode():
        assert own.read(features[:32]).shape == (32, 64)
        assert own.read(features).shape == (64, 64)
        before = own.read(features[:20])
        kept = model.cap_pad_token.data.clone()
        model.cap_pad_token.data += 1
        after = own.read(features[:20])
        model.cap_pad_token.data = kept
    assert (after[:20] - before[:20]).abs().max() > 1e-3


def test_a_picture_stands_behind_its_own_caption(model: Any) -> None:
    """The same 20 tokens, behind a caption of 32 and one of 64: another place, another answer."""
    own, latents = OwnForward(model, native), noise(1, 8, 8)
    turns = [own.turns(4, 4, length).image for length in (32, 64)]
    assert not torch.equal(turns[0], turns[1])
    alone = ask(own, latents, [20], [0.3])
    ask(own, latents, [40], [0.3])
    assert torch.equal(ask(own, latents, [20], [0.3]), alone)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_floats_stay_near_diffusers(model: Any, dtype: torch.dtype) -> None:
    narrow = copy.deepcopy(model).to(dtype)
    latents, lengths = noise(2, 8, 8).to(dtype), [5, 30]
    expected = ask(StockForward(narrow), latents, lengths, [0.1, 0.9]).float()
    answer = ask(OwnForward(narrow, native), latents, lengths, [0.1, 0.9]).float()
    assert (answer - expected).norm() / expected.norm() < 0.02


def test_patches_are_those_of_diffusers_and_come_back_as_they_were(model: Any) -> None:
    latents = noise(1, 10, 6)
    theirs = model._patchify_image(latents[0].unsqueeze(1), 2, 1)[0]
    assert torch.equal(patches(latents)[0], theirs)
    assert torch.equal(picture(patches(latents), 5, 3), latents)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what torch is asked to do."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), named: Any = None
    ) -> Any:
        self.asked += 1
        return operation(*args, **(named or {}))


def test_a_step_at_full_depth_asks_for_half_the_operations_of_diffusers() -> None:
    """As deep as Z-Image-Turbo and very narrow: on a GPU each of them has to be told."""
    from diffusers import ZImageTransformer2DModel

    deep = ZImageTransformer2DModel(
        dim=16,
        n_heads=1,
        n_kv_heads=1,
        cap_feat_dim=HIDDEN,
        axes_dims=[4, 6, 6],
        axes_lens=[99] * 3,
    ).eval()
    asked = {}
    for forward in (OwnForward(deep, native), StockForward(deep)):
        with torch.inference_mode():
            caption = [forward.read(torch.randn(20, HIDDEN))]
            told = forward.modulations(torch.tensor([0.5]))
            forward.forward(noise(1, 8, 8), caption, told)  # lays out positions
            with Operations() as operations:
                forward.forward(noise(1, 8, 8), caption, told)
        asked[type(forward)] = operations.asked
    assert asked[OwnForward] < 0.5 * asked[StockForward]


def test_both_passes_agree_on_the_question_of_the_start(model: Any) -> None:
    assert fit.unlike(model) is None
    assert fit.difference(model, OwnForward(model, native), StockForward(model)) < 1e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: delattr(model, "x_pad_token"), "no x_pad_token"),
        (lambda model: model.all_x_embedder.update({"4-1": torch.nn.Linear(1, 1)}), "patches"),
        (lambda model: setattr(model, "siglip_embedder", torch.nn.Linear(1, 1)), "SigLIP"),
        (lambda model: delattr(model.layers[1], "ffn_norm2"), "no ffn_norm2"),
        (lambda model: delattr(model.layers[0].attention, "to_k"), "no to_k"),
        (lambda model: setattr(model.layers[0].attention, "norm_q", None), "norm"),
        (lambda model: delattr(model.noise_refiner[0], "adaLN_modulation"), "adaLN"),
    ],
)
def test_modules_of_another_shape_are_seen(model: Any, change: Any, said: str) -> None:
    other = copy.deepcopy(model)
    change(other)
    assert said in (fit.unlike(other) or "")


def with_transformer(loaded: Any, transformer: Any) -> Loaded:
    pipeline = copy.copy(loaded.pipeline)
    pipeline.transformer = transformer
    return Loaded(loaded.facts, pipeline, loaded.device, loaded.dtype)


def test_modules_that_compute_otherwise_are_left_to_diffusers(
    loaded: Any, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A later Diffusers gates by sigmoid, say: every name is there, every number is another."""
    other = copy.deepcopy(model)
    block = type(other.layers[0])

    class Later(block):  # type: ignore[misc, valid-type]
        def forward(self, x: Any, *rest: Any, **named: Any) -> Any:
            return super().forward(x, *rest, **named) * 0.9

    for layer in other.layers:
        layer.__class__ = Later
    assert fit.unlike(other) is None
    with caplog.at_level(logging.WARNING):
        denoiser = Denoiser(with_transformer(loaded, other))
    assert isinstance(denoiser.forward, StockForward)
    assert "away from those of our pass" in caplog.text
    assert denoiser.setup["forward"].startswith("Diffusers' own: its answers are ")


def test_modules_of_another_shape_paint_through_diffusers(
    loaded: Any, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from limner.core.image import Size

    other = copy.deepcopy(model)
    other.siglip_embedder = torch.nn.Linear(1, 1)
    with caplog.at_level(logging.WARNING):
        denoiser = Denoiser(with_transformer(loaded, other))
    assert "it sees pictures through SigLIP" in caplog.text
    usual = Denoiser(with_transformer(loaded, model))
    assert isinstance(usual.forward, OwnForward)
    pictures = []
    for each in (denoiser, usual):
        each.warm_up()
        captions = [each.caption("a red circle"), each.caption("a blue square " * 20)]
        canvases = [
            each.canvas(caption, Size(96, 48), seed=1, steps=3, guidance=2.0)
            for caption in captions
        ]
        for _ in range(3):
            assert each.step(canvases) == [True, True]
        pictures.append(torch.stack([canvas.latents for canvas in canvases]))
    torch.testing.assert_close(*pictures, atol=1e-5, rtol=0)
