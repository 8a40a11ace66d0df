"""What the documents tell newcomers to type, typed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from limner.cli.serve import command as serve
from tests.e2e.processes import PATIENCE_S, Server, environment

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(python|console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(language, text, id=f"{name}-{number}")
    for name in ("README.md", "docs/quickstart.md")
    for number, (language, text) in enumerate(BLOCK.findall((ROOT / name).read_text()))
    if not text.startswith(("make", "limner serve"))
]
SERVERS = [
    line.partition("#")[0]
    for name in ("README.md", "docs/quickstart.md", "docs/configure.md")
    for line in (ROOT / name).read_text().splitlines()
    if line.startswith("limner serve")
]
MAKES_NO_PICTURE = ("/readyz",)


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_what_the_documents_tell_to_type_works(
    language: str, text: str, server: Server, tmp_path: Path
) -> None:
    port = server.url.rpartition(":")[2]
    typed = "\n".join(
        line.replace(":8034", f":{port}")
        for line in text.splitlines()
        if not line.startswith("limner serve")
    )
    bin = Path(sys.executable).parent
    command = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    ran = subprocess.run(
        [*command, typed],
        cwd=tmp_path,
        env={**environment(), "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr
    pictures = list(tmp_path.iterdir())
    assert pictures or any(word in typed for word in MAKES_NO_PICTURE)
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) >= 96


@pytest.mark.parametrize("line", SERVERS)
def test_flags_in_the_documents_exist(line: str) -> None:
    _, _, *flags = shlex.split(line)
    serve.make_context("serve", flags)


def run_example(name: str, *arguments: str, stdin: str = "", folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=folder,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_drawing_example_writes_partial_images_and_the_picture(
    server: Server, tmp_path: Path
) -> None:
    run_example("draw.py", "a red circle", f"{server.url}/v1", folder=tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"partial-0.png", "partial-1.png", "picture.png"}


def test_the_chat_example_goes_on_from_its_own_pictures(server: Server, tmp_path: Path) -> None:
    said = "draw a red circle\nagain\n\n"
    run_example("chat.py", "limner", f"{server.url}/v1", stdin=said, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"picture-1.png", "picture-2.png"}


def test_the_extending_example_paints_beyond_the_edge_and_keeps_what_is_inside(
    server: Server, tmp_path: Path
) -> None:
    old = Image.linear_gradient("L").resize((96, 96)).convert("RGB")
    old.save(tmp_path / "old.png")
    said = ("old.png", "0,32,64,0", "a red circle", f"{server.url}/v1")
    assert run_example("extend.py", *said, folder=tmp_path) == "extended.png\n"
    with Image.open(tmp_path / "extended.png") as made:
        assert made.size == (160, 128)
        assert made.convert("RGB").crop((0, 32, 96, 128)).tobytes() == old.tobytes()
