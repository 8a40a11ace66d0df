"""Schemathesis plays what `/openapi.json` promises, and what it forbids, against the whole server.

The server is the product's own over a socket, with the built-in rules for a language model; only
what paints is scripted, so that a request for ten large pictures costs nothing. No reply may be a
failure of the server, and each is of a status, a media type and a form that are described.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from limner.app.server import open_server
from limner.config import load
from limner.server.api_examples import URL
from limner.server.api_page import page
from limner.wire.pictures import to_base64
from tests.e2e.processes import PATIENCE_S, Server, environment
from tests.e2e.test_documents import BLOCK
from tests.pictures import picture
from tests.scripted_painters import ScriptedPainter
from tests.serving import serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
CONFIG = """\
# As many cases in every run; about two minutes on two cores.
seed = 1
continue-on-failure = true

[generation]
allow-x00 = false
deterministic = true
max-examples = 10

[[operations]]
include-operation-id = "getQueue"
parameters = { stream = "false" }
"""
"""The stream of the queue has no end to wait for."""


class Painter(ScriptedPainter):
    """Paints whatever it is asked, all of it the same picture."""

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        body = self.asked[-1][2] or {}
        data = [{"b64_json": to_base64(picture())}] * body.get("n", 1)
        return web.json_response({"created": 1, "data": data})


async def test_the_server_keeps_what_its_description_promises(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    async with Painter(path="/v1") as painter:
        flags = {"data": str(tmp_path / "data"), "image_backend": painter.url}
        async with open_server(load(flags, {})) as app, serving(app) as url:
            code, said = await play(url, config, tmp_path)
    assert code == 0, said


async def play(url: str, config: Path, folder: Path) -> tuple[int | None, str]:
    """How schemathesis ended, and what it has said."""
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *(f"{url}/openapi.json", "--url", url, "--checks", ",".join(CHECKS)),
        *("--request-timeout", str(PATIENCE_S)),
    )
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**environment(), "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.parametrize(("language", "text"), BLOCK.findall(page()))
def test_the_examples_of_the_page_work(
    language: str, text: str, server: Server, tmp_path: Path
) -> None:
    typed = text.replace(URL, server.url).replace("curl ", "curl --silent --show-error --fail ")
    command = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    ran = subprocess.run(
        [*command, typed],
        cwd=tmp_path,
        env={**environment(), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout
