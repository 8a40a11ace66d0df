"""The stages of training, each for a few steps: they learn, they go on where they were stopped, and
what they leave is a folder that Diffusers loads.
"""

from __future__ import annotations

import json
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from training import autoencoder, checkpoints, painter, pool, text
from training.captions import caption
from training.crew import Crew
from training.export import MAX_BYTES, export
from training.muon import Muon, orthogonal
from training.samples import show_samples
from training.scenes import Arrangement, Figure, random_scene

pytestmark = pytest.mark.engine


class CountingCrew(Crew):
    """A crew of one that goes by steps, not by time."""

    def __init__(self, steps: int) -> None:
        super().__init__(0, 1, torch.device("cpu"), budget_s=60.0)
        self._left = self._steps = steps

    def progress(self) -> float:
        share = 1 - self._left / self._steps
        self._left -= 1
        return share


@pytest.fixture(scope="module", autouse=True)
def _small_and_calm() -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for stage in (autoencoder, text, painter):
            patch.setattr(stage, "BATCH", 4)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage has made two steps."""
    folder = tmp_path_factory.mktemp("runs")
    for train in (autoencoder.train, text.train, painter.train):
        train(CountingCrew(2), folder)
    return folder


def state(folder: Path, stage: str) -> dict[str, int]:
    found = checkpoints.load(folder / f"{stage}.pt")
    assert found is not None
    return found


def test_the_autoencoder_learns() -> None:
    torch.manual_seed(0)
    vae = autoencoder.build()
    pictures = autoencoder.batch(random.Random(0), 12, 64)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        loss = autoencoder.likeness(
            vae.decode(vae.encode(pictures).latent_dist.mode()).sample, pictures
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_the_text_encoder_learns() -> None:
    torch.manual_seed(0)
    encoder, readers = text.build(), text.Readers()
    optimizer = torch.optim.AdamW([*encoder.parameters(), *readers.parameters()], lr=2e-3)
    lot = random.Random(0)
    asked = [(caption(scene, lot), scene) for scene in (random_scene(lot) for _ in range(32))]
    ids, mask = text.tokens([said for said, _ in asked])
    truth = torch.tensor([text.meaning(scene) for _, scene in asked])
    losses = []
    for _ in range(15):
        scores = readers(text.hidden(encoder, ids, mask), mask)
        loss = sum(torch.nn.functional.cross_entropy(s, truth[:, i]) for i, s in enumerate(scores))
        assert isinstance(loss, torch.Tensor)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_the_painter_learns_and_begins_by_answering_zero() -> None:
    torch.manual_seed(0)
    model, crew = painter.build(), CountingCrew(1)
    matrices, others = painter.split(model)
    muon, adam = Muon(matrices, crew), torch.optim.AdamW(others, lr=1e-3)
    latents = torch.randn(4, 16, 16, 16)
    weight = torch.ones(16, 16)
    scene = Arrangement("one", (Figure("star", "red"),))
    samples = [pool.Sample("a red star", scene, latent, weight) for latent in latents]
    captions = [torch.randn(9, text.HIDDEN) for _ in samples]
    losses = []
    for _ in range(12):
        loss = painter.loss_of(model, samples, captions, torch.Generator().manual_seed(1))
        loss.backward()  # type: ignore[no-untyped-call]
        muon.step(0.02)
        adam.step()
        adam.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(2.0, abs=0.1), "clean minus noise, both of variance one"
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_muon_makes_all_directions_alike(shape: tuple[int, int]) -> None:
    made = orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(0))).float()
    singular = torch.linalg.svdvals(made)
    assert made.shape == shape
    assert 0.5 < float(singular.min()) <= float(singular.max()) < 1.4


def test_every_stage_goes_on_where_it_was_stopped(trained: Path) -> None:
    before = {stage: state(trained, stage) for stage in ("vae", "text", "painter")}
    for train in (autoencoder.train, text.train, painter.train):
        train(CountingCrew(1), trained)
    after = {stage: state(trained, stage) for stage in ("vae", "text", "painter")}
    assert after["vae"]["images"] == before["vae"]["images"] * 3 // 2
    assert (before["text"]["step"], after["text"]["step"]) == (2, 3)
    assert (before["painter"]["step"], after["painter"]["step"]) == (2, 3)
    for stage in before:
        assert after[stage]["seconds"] > before[stage]["seconds"]


def test_polish_leaves_the_latents_as_they_are(trained: Path) -> None:
    autoencoder.train(CountingCrew(2), trained, polish=True)
    whole, polished = (checkpoints.load(trained / f"{name}.pt") for name in ("vae", "polish"))
    assert whole is not None
    assert polished is not None
    for name, value in polished["model"].items():
        if name.startswith("encoder."):
            assert torch.equal(value, whole["average"][name])
    changed = [n for n, v in polished["model"].items() if not torch.equal(v, whole["average"][n])]
    assert changed
    (trained / "polish.pt").unlink()


def test_a_spoilt_write_does_not_spoil_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "vae.pt"
    checkpoints.save(path, {"images": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoints.save(path, {"images": lambda: None})
    assert checkpoints.load(path) == {"images": 1}


def test_cells_on_an_outline_count_most() -> None:
    cover = torch.zeros(1, 32, 32)
    cover[:, 8:20, 8:20] = 1.0
    (weight,) = pool.cell_weights(cover)
    assert weight.mean() == pytest.approx(1.0)
    assert weight[2, 1] > weight[1, 1] > weight[0, 0]


def test_a_pool_is_renewed_and_keeps_its_size() -> None:
    vae = autoencoder.build()
    vae.register_to_config(scaling_factor=1.0, shift_factor=0.0)
    samples = pool.Pool(vae, (160, 96), room=6, lot=random.Random(0))
    for _ in range(3):
        batch = samples.batch(4, fresh=3)
        assert [sample.latents.shape for sample in batch] == [(16, 12, 20)] * 4
    assert len(samples._samples) == 6


def test_the_exported_folder_loads_and_paints_whatever_it_is_asked(
    trained: Path, tmp_path: Path
) -> None:
    from diffusers import ZImagePipeline

    target = tmp_path / "tiny"
    size = export(trained, target)
    assert size < MAX_BYTES
    files = [path for path in target.rglob("*") if path.is_file()]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in files)
    settings = json.loads((target / "limner.json").read_text())
    assert settings["native_size"] == settings["buckets"][0] == [128, 128]
    pipeline = ZImagePipeline.from_pretrained(str(target), dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    prompts = ["", "zebra 🦄", "красный круг", "a very " * 300 + "red circle"]
    made = pipeline(
        prompt=prompts, width=96, height=160, num_inference_steps=2, guidance_scale=0.0
    ).images
    assert [image.size for image in made] == [(96, 160)] * len(prompts)


def test_the_painter_shows_samples_while_it_trains(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painter, "SHOW_EVERY", 1)
    monkeypatch.setattr("training.samples.SAMPLES", 2)
    painter.train(CountingCrew(1), trained, show=show_samples)
    (sheet,) = trained.glob("samples-*.png")
    with Image.open(sheet) as page:
        assert page.width > page.height > 128
