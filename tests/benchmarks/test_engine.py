"""The benchmark of the engine: what it computes is right, and a short run of it works."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import engine
from benchmarks._engine_figures import (
    COMPILED,
    EAGER,
    STOCK,
    Figures,
    Pace,
    arrivals,
    compared,
    percentile,
)
from benchmarks._engine_goals import GOALS, Goal, judged
from benchmarks._engine_models import TEXT, TRANSFORMER, VAE, random_pipeline
from benchmarks._engine_pace import begun
from benchmarks._engine_table import goals, plot, text
from benchmarks._flops import Widths, step_flops
from benchmarks._watch import watching
from limner.core.image import Size
from limner.engine.loading import Loaded, load, open_model
from limner.engine.model import ModelFacts

TURBO = Widths(dim=3840, layers=30, refiners=2, patch=64)


def figures(**others: Any) -> Figures:
    return Figures("tiny", "a device", "float32", 32, {}, 1e11, **others)


def pace(way: str, batch: int, busy_s: float) -> Pace:
    return Pace("128x128", batch, way, 2 * busy_s, busy_s, 10**9)


@pytest.mark.parametrize("size", [Size(128, 128), Size(144, 112)])
def test_operations_are_those_that_torch_counts_in_a_step_of_the_engine(size: Size) -> None:
    model: Any = open_model(load("tiny", device="cpu", dtype="float32", threads=1))
    canvases = begun(model, size, 3)
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # torch does not count in its fused kernel
        model.step(canvases)
    tokens = size.width * size.height // 256
    caption = canvases[0].caption.padded_tokens
    widths = Widths.of(model._transformer.config)
    assert counter.get_total_flops() == 3 * step_flops(widths, tokens, caption)


@pytest.mark.parametrize(("size", "tera"), [(512, 12.9), (768, 29.6), (1024, 55.6)])
def test_operations_at_full_size_are_known(size: int, tera: float) -> None:
    assert step_flops(TURBO, size * size // 256, 64) / 1e12 == pytest.approx(tera, rel=0.005)


def test_arrivals_are_as_many_as_asked_at_the_rate_asked_and_the_same_every_time() -> None:
    times = arrivals(4.0, 4000, seed=1)
    assert times == arrivals(4.0, 4000, seed=1) != arrivals(4.0, 4000, seed=2)
    assert times[0] == 0
    assert times == sorted(times)
    assert times[-1] / len(times) == pytest.approx(1 / 4, rel=0.05)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert fmean(gap > 1 / 4 for gap in gaps) == pytest.approx(0.37, abs=0.03)


def test_a_percentile_is_one_of_the_values_whatever_their_order() -> None:
    values = [float(each) for each in range(1, 101)]
    random.Random(0).shuffle(values)
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.95) == 96
    assert percentile(values, 1.0) == 100
    assert percentile([3.0], 0.95) == 3


def test_paces_are_compared_with_diffusers_for_as_many_and_with_one_of_their_own() -> None:
    found = compared([pace(STOCK, 1, 4.0), pace(EAGER, 1, 2.0), pace(EAGER, 2, 1.0)])
    assert [(each.to_stock, each.to_one) for each in found] == [(1, 1), (2, 1), (None, 2)]


def test_goals_are_met_missed_or_not_run() -> None:
    found = figures(apart=0.5)
    asked = [
        Goal("small", "tiny", "float32", 1.0, lambda each: each.apart),
        Goal("large", "tiny", "float32", 1.0, lambda each: each.apart, at_least=True),
        Goal("not looked for", "tiny", "float32", 1.0, lambda each: None),
        Goal("of another", "huge", "float32", 1.0, lambda each: each.apart),
    ]
    results = judged(asked, [found])
    assert [each.outcome for each in results] == ["met", "missed", "not run", "not run"]
    assert [line.split()[-1] for line in list(goals(results))[-2:]] == ["run", "run"]


def test_batches_are_judged_only_where_large_ones_were_tried() -> None:
    few = [pace(EAGER, 1, 2.0), pace(EAGER, 2, 1.0)]
    for paces, outcome in ((few, "not run"), ([*few, pace(EAGER, 8, 1.5)], "met")):
        results = judged(GOALS, [figures(pace=compared(paces))])
        found = {each.goal: each.outcome for each in results}
        assert found["tiny in batches, times the pace of one"] == outcome


def test_the_text_says_what_did_not_run() -> None:
    lines = list(text(figures(pace=[pace(EAGER, 2, 0.25)], not_run=["batches of eight"])))
    assert "NOT RUN: batches of eight" in lines
    row = next(line for line in lines if line.startswith("128x128"))
    assert row.split() == ["128x128", "2", "engine", "0.500", "0.250", "-", "-", "1.00"]


def test_the_chart_shows_the_engine_against_diffusers(tmp_path: Path) -> None:
    path = tmp_path / "chart.svg"
    paces = compared([pace(STOCK, 1, 3.0), pace(EAGER, 1, 2.0)])
    plot(path, [figures(pace=paces)])
    drawn = path.read_text()
    assert "1.5 x" in drawn
    assert drawn.count("<rect ") == 1


def test_random_weights_paint_with_the_engines_own_pass() -> None:
    widths: dict[str, Any] = {"dim": 64, "n_layers": 1, "n_refiner_layers": 1, "n_heads": 2}
    widths |= {"n_kv_heads": 2, "cap_feat_dim": 32}
    widths |= {"axes_dims": [8, 12, 12], "axes_lens": [256, 64, 64]}
    text_widths = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 64, "head_dim": 8}
    text_widths |= {"num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2}
    vae = {**VAE, "block_out_channels": (8, 8, 8, 8), "norm_num_groups": 2}
    device = torch.device("cpu")
    pipeline = random_pipeline(device, torch.float32, widths, text_widths, vae)
    facts = ModelFacts("small", native_size=Size(64, 64), min_edge_px=64)
    model: Any = open_model(Loaded(facts, pipeline, device, torch.float32))
    assert "attention" in model.setup
    (canvas,) = begun(model, Size(64, 64), 1)
    assert model.step([canvas]) == [True]
    assert model.pixels(model.foreseen(canvas), preview=False).shape == (64, 64, 3)


class Worked:
    """Something that takes time, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def work(self) -> int:
        self.calls += 1
        return sum(range(200_000))


def test_what_is_written_has_numbers_of_four_digits() -> None:
    long = {"a": [1 / 3, {"b": 12345.678}], "c": "1.23456", "d": 123456, "e": None}
    assert engine.short(long) == {"a": [0.3333, {"b": 12350.0}], **dict(list(long.items())[1:])}


def test_full_size_has_as_many_weights_as_is_published() -> None:
    shapes = torch.device("meta")
    pipeline = random_pipeline(shapes, torch.bfloat16, TRANSFORMER, TEXT, VAE)
    weights = {
        name: sum(each.numel() for each in module.parameters()) / 1e9
        for name, module in pipeline.components.items()
        if isinstance(module, torch.nn.Module)
    }
    assert weights["transformer"] == pytest.approx(6.15, abs=0.01)
    assert weights["text_encoder"] == pytest.approx(4.02, abs=0.01)
    assert weights["vae"] == pytest.approx(0.084, abs=0.001)
    assert {each.dtype for each in pipeline.transformer.parameters()} == {torch.bfloat16}


def test_a_watch_counts_what_is_inside_a_method_and_then_lets_go_of_it() -> None:
    worked = Worked()
    with watching(torch.device("cpu"), (worked, "work")) as watch:
        assert worked.work() == sum(range(200_000))
        once = watch.seconds
        assert once > 0
        worked.work()
        assert watch.seconds > once
        watched = watch.seconds
    worked.work()
    assert watch.seconds == watched
    assert worked.calls == 3


def test_a_short_run_writes_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    engine.main(["--quick", "--cpu", "--json", str(path), "--plot", str(tmp_path / "chart.svg")])
    written = json.loads(path.read_text())
    assert [model["dtype"] for model in written["models"][:2]] == ["float32", "bfloat16"]
    exact, narrow, *_ = written["models"]
    assert exact["apart"] < 1e-5
    assert narrow["apart"] is None
    for model in (exact, narrow):
        assert {(each["way"], each["batch"]) for each in model["pace"]} == {
            (way, batch) for way in (STOCK, EAGER) for batch in (1, 2)
        }
        assert all(each["of_ceiling"] > 0 for each in model["steps"])
        assert all(0 < each["beside"] < 1 for each in model["steps"])
        (whole,) = model["whole"]
        assert whole["first_preview_s"] > 0
        assert 0 < whole["beside"] < 1
        assert [each["load"] for each in model["latencies"]] == [0.9, 0.9]
        assert model["capacity"] > 0
    outcomes = {each["goal"]: each["outcome"] for each in written["goals"]}
    assert outcomes["apart from Diffusers' latents, tiny"] == "met"
    assert "<svg" in (tmp_path / "chart.svg").read_text()
    said = capsys.readouterr().out
    (words,) = written["not_run"]
    assert f"NOT RUN: {words}" in said


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA or ROCm device")
def test_a_short_run_on_a_gpu_measures_full_size(tmp_path: Path) -> None:
    if why_not := engine.why_no_gpu(cpu_only=False):
        pytest.skip(why_not)
    path = tmp_path / "figures.json"
    engine.main(["--quick", "--json", str(path)])
    written = json.loads(path.read_text())
    assert written["not_run"] == []
    full = written["models"][-1]
    assert {COMPILED, EAGER} <= {each["way"] for each in full["whole"]}
    assert all(0 < each["of_ceiling"] < 1.1 for each in full["steps"])
