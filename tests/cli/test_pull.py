"""`limner pull` as a process, from a Hub on loopback."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from limner.engine.model_files import TINY
from tests.scripted_hub import ScriptedHub
from tests.serving import serving

pytestmark = pytest.mark.engine

MODEL = "painters/little"


async def limner(*words: str, home: Path, hub: str, **more: str) -> tuple[int, str, str]:
    """Run the command; its exit code, and what it wrote to both outputs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "limner", *words),
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_TOKEN": "", **more},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def little() -> ScriptedHub:
    hub = ScriptedHub.of(MODEL, TINY)
    hub.files["pytorch_model.bin"] = b"code that runs when it is read"
    hub.files["transformer/diffusion_pytorch_model.fp16.safetensors"] = b"a second copy"
    hub.files["README.md"] = b"# Little"
    hub.files["text_encoders/single_file.safetensors"] = b"a copy that no index names"
    return hub


async def test_a_model_is_brought_and_paints_without_the_hub(tmp_path: Path) -> None:
    hub = little()
    async with serving(hub.app) as url:
        code, out, err = await limner("pull", MODEL, home=tmp_path, hub=url)
    assert code == 0, err
    assert f"{MODEL} · " in err
    assert "to download" in err
    assert "100%" in err
    folder = Path(out.strip())
    assert ScriptedHub.of("", folder).files.keys() == {
        name for name in ScriptedHub.of("", TINY).files if "/" in name or "index" in name
    }
    picture = tmp_path / "picture.png"
    words = ("generate", "a red circle", "-o", str(picture), "--model", MODEL, "--device", "cpu")
    small = ("--size", "256x256", "--steps", "2")  # what the model would choose takes long here
    code, _, err = await limner(
        *words, *small, home=tmp_path, hub="http://127.0.0.1:9", HF_HUB_OFFLINE="1"
    )
    assert code == 0, err
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_what_is_here_is_not_brought_again(tmp_path: Path) -> None:
    hub = little()
    async with serving(hub.app) as url:
        await limner("pull", MODEL, home=tmp_path, hub=url)
        hub.asked.clear()
        code, _, err = await limner("pull", MODEL, home=tmp_path, hub=url)
    assert code == 0, err
    assert hub.asked == []
    assert "to download" not in err


async def test_a_broken_download_goes_on_where_it_was(tmp_path: Path) -> None:
    hub = little()
    weights = "transformer/more.safetensors"
    hub.files[weights] = b"much" * 6 * 2**20
    hub.breaks.add(weights)
    async with serving(hub.app) as url:
        code, out, _ = await limner("pull", MODEL, home=tmp_path, hub=url)
        if code:
            code, out, _ = await limner("pull", MODEL, home=tmp_path, hub=url)
    assert code == 0
    ranges = [asked for name, asked in hub.asked if name == weights]
    assert len(ranges) == 2
    assert ranges[1] is not None
    assert (Path(out.strip()) / weights).read_bytes() == hub.files[weights]


@pytest.mark.parametrize(
    ("model", "gated", "said"),
    [
        ("painters/nobody", False, "There is no model painters/nobody on the Hub, or a token"),
        (MODEL, True, "accepted its terms"),
        ("little", False, "must be a name of the Hugging Face Hub"),
    ],
)
async def test_the_hub_s_refusals_are_said_plainly(
    tmp_path: Path, model: str, gated: bool, said: str
) -> None:
    hub = little()
    hub.gated = gated
    async with serving(hub.app) as url:
        code, _, err = await limner("pull", model, home=tmp_path, hub=url)
    assert code in (1, 2)
    assert said in err
    assert "Traceback" not in err


async def test_what_is_no_pipeline_is_refused_before_anything_is_brought(tmp_path: Path) -> None:
    hub = ScriptedHub(MODEL, {"words/model.safetensors": b"weights", "words/config.json": b"{}"})
    async with serving(hub.app) as url:
        code, _, err = await limner("pull", MODEL, home=tmp_path, hub=url)
    assert code == 1
    assert "no pipeline of Diffusers" in err
    assert hub.asked == []


async def test_a_hub_that_is_not_there_is_said(tmp_path: Path) -> None:
    code, _, err = await limner("pull", MODEL, home=tmp_path, hub="http://127.0.0.1:9")
    assert code == 1
    assert "Traceback" not in err
    assert MODEL in err or "Hub" in err


@pytest.mark.parametrize(
    ("model", "gated", "said"),
    [
        ("painters/nobody", False, "There is no model painters/nobody on the Hub, or a token"),
        (MODEL, True, "accepted its terms"),
    ],
)
async def test_who_paints_at_once_hears_the_same_of_the_hub(
    tmp_path: Path, model: str, gated: bool, said: str
) -> None:
    hub = little()
    hub.gated = gated
    async with serving(hub.app) as url:
        words = ("generate", "a red circle", "-o", str(tmp_path / "picture.png"), "--model", model)
        code, _, err = await limner(*words, home=tmp_path, hub=url)
    assert code == 2
    assert f"limner: model '{model}' cannot be loaded: " in err
    assert said in err
    assert "Traceback" not in err


async def test_a_model_that_was_never_pulled_is_fetched_when_it_is_loaded(tmp_path: Path) -> None:
    loads = f"from limner.engine.loading import load; load({MODEL!r}, device='cpu', progress=print)"
    async with serving(little().app) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", loads),
            env={**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path), "HF_TOKEN": ""},
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
    assert process.returncode == 0
    assert b"limner pull tells how far it is" in told
