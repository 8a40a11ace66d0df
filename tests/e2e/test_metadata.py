"""Every picture says how it was made: from the server, in each format, and from the command."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import httpx
import openai
import pytest

from limner import __version__
from limner.core.image import FORMATS, ImageData, ImageFormat
from limner.wire.picture_metadata import read, says_made_by_ai
from tests.e2e.clients import client_of
from tests.e2e.processes import PATIENCE_S, Server, environment


def sdk(server: Server) -> openai.OpenAI:
    return client_of(server.url)


@pytest.mark.parametrize("format", FORMATS)
def test_a_painted_picture_says_how_to_paint_it_again(server: Server, format: ImageFormat) -> None:
    asked = {"prompt": "a red circle", "size": "128x128", "seed": 7, "output_format": format}
    reply = httpx.post(f"{server.url}/v1/images/generations", json=asked, timeout=PATIENCE_S).json()
    image = ImageData(base64.b64decode(reply["data"][0]["b64_json"]), format)
    facts = read(image)
    assert facts is not None
    assert (facts.prompt, facts.seed, facts.size) == ("a red circle", 7, "128x128")
    assert (facts.model, facts.steps, facts.guidance) == ("tiny", 8, 0.0)
    assert (facts.action, facts.strength, facts.version) == ("generate", None, __version__)
    assert facts.created_at is not None
    assert says_made_by_ai(image)


def test_an_edit_by_the_hosted_tool_says_what_it_was(server: Server) -> None:
    client = sdk(server)
    made = client.responses.create(
        model="limner",
        input="draw a red circle on a yellow background",
        tools=[{"type": "image_generation"}],
    )
    edited = client.responses.create(
        model="limner",
        input="make the circle blue",
        previous_response_id=made.id,
        tools=[{"type": "image_generation", "action": "edit"}],
    )
    (item,) = [item for item in edited.output if item.type == "image_generation_call"]
    image = ImageData(base64.b64decode(item.result or ""), "png")
    facts = read(image)
    assert facts is not None
    assert facts.action == "edit"
    assert facts.prompt == getattr(item, "revised_prompt", None)
    assert facts.strength is not None
    assert image.content.count(b"digitalsourcetype/") == 1


@pytest.mark.parametrize(("says", "told"), [("full", True), ("mark", False)])
def test_files_of_the_command_say_what_the_operator_wants(
    says: str, told: bool, tmp_path: Path
) -> None:
    path = tmp_path / "circle.jpg"
    command = ["limner", "generate", "a red circle", "-o", str(path), "--size", "128x128"]
    subprocess.run(
        [sys.executable, "-m", *command, "--seed", "7", "--picture-metadata", says],
        check=True,
        env=environment(),
        capture_output=True,
        timeout=PATIENCE_S,
    )
    image = ImageData(path.read_bytes(), "jpeg")
    facts = read(image)
    assert (facts is not None) is told
    assert says_made_by_ai(image)
