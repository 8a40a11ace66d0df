"""OpenAI's library for JavaScript, of the version in `js/package-lock.json`, before the server.

It is installed once, into `.cache/` at the root of the repository.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.acceptance.rig import KIND, Rig
from tests.acceptance.test_open_responses import model_of
from tests.pictures import picture

JS = Path(__file__).parent / "js"
CACHE = Path(__file__).parents[2] / ".cache" / "acceptance-js"
MANIFEST = ("package.json", "package-lock.json")
OLDEST = 20


@pytest.fixture(scope="module")
def installed() -> Path:
    """The folder with the library and our tests."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        pytest.skip(f"node is {version.strip()}, and OpenAI's library needs {OLDEST} or later")
    CACHE.mkdir(parents=True, exist_ok=True)
    if any(_text(JS / name) != _text(CACHE / name) for name in MANIFEST):
        _install(npm)
    shutil.copy(JS / "sdk.test.js", CACHE)
    return CACHE


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _install(npm: str) -> None:
    """The lock file is copied last: where it lies, everything that it names lies too."""
    lock = CACHE / MANIFEST[1]
    for name in MANIFEST:
        shutil.copy(JS / name, CACHE)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=CACHE, capture_output=True, text=True
    )
    if done.returncode:
        lock.unlink()
        pytest.skip(f"npm cannot install OpenAI's library: {done.stderr[-300:]}")


async def test_the_library_for_javascript_gets_all_that_it_asks_for(
    rig: Rig, installed: Path, tmp_path: Path
) -> None:
    rig.models["chat"].play(model_of(KIND["chat"]))
    files = {"PICTURE": picture(64, 64), "MASK": picture(64, 64, alpha=True)}
    for name, image in files.items():
        (tmp_path / name).write_bytes(image.content)
    paths = {name: str(tmp_path / name) for name in files}
    process = await asyncio.create_subprocess_exec(
        *("node", "--test", "sdk.test.js"),
        cwd=installed,
        env={**os.environ, **paths, "LIMNER_URL": rig.url},
        stdout=PIPE,
        stderr=STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert b"\n# pass 0\n" not in told
