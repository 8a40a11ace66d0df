"""docs/doctor.md, written from real runs: `python -m tests.cli.doctor_page`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import limner
from limner.app.listeners import who_listens
from limner.app.vllm import free_port
from limner.engine.model_files import TINY
from tests.e2e.processes import PATIENCE_S, environment
from tests.scripted_chat import Reply, ScriptedChat, calls, fails, says

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"
HOME = "/home/you"
SOURCES = Path(limner.__file__).resolve().parents[1]
ENGINE = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "huggingface_hub")

HEAD = """\
# Doctor

<!-- Written by `python -m tests.cli.doctor_page` from real runs; edit tests/cli/doctor_page.py. -->

`limner doctor` takes the flags and variables of `limner serve` and says what would be in its way,
with a remedy for each thing. It changes nothing. Without `--online` it talks to no other program;
with it, it asks the servers that the settings name: whether they answer, whether they take the key,
and whether the language model calls a function that it is offered, which costs some tokens.
No key is ever shown.

| exit code | meaning |
|---|---|
| 0 | nothing is in the way |
| 1 | warnings only |
| 2 | failures: `limner serve` would not start, or would not do what it is asked |
"""


@dataclass(frozen=True)
class Here:
    """Where a run happens. shown: texts of this machine, and what the page shows for them."""

    folder: Path
    shown: dict[str, str]


Ready = Callable[[Here], AbstractAsyncContextManager[Sequence[str]]]
"""Prepares a machine; yields the arguments of `limner doctor` on it."""


@dataclass(frozen=True)
class Case:
    title: str
    about: str
    ready: Ready
    environ: Mapping[str, str] = field(default_factory=dict)
    is_bare: bool = False


@asynccontextmanager
async def nothing(here: Here) -> AsyncIterator[Sequence[str]]:
    yield []


@asynccontextmanager
async def as_json(here: Here) -> AsyncIterator[Sequence[str]]:
    yield ["--json", "--image-backend", "none"]


@asynccontextmanager
async def configured(here: Here) -> AsyncIterator[Sequence[str]]:
    async with chat(here, calls("report_ready", {"ready": True})) as model:
        yield [*model, "--device", "cpu", "--online"]


@asynccontextmanager
async def port_folder_and_key(here: Here) -> AsyncIterator[Sequence[str]]:
    (here.folder / "notes").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        here.shown[f":{port}"] = ":8034"
        here.shown[f" {port}"] = " 8034"
        here.shown[who_listens(int(port)) or "Another program"] = "nginx (process 812)"
        flags = ["--port", port, "--data", "notes", "--llm", "https://api.openai.com/v1"]
        yield [*flags, "--image-backend", "none"]


@asynccontextmanager
async def half_a_model(here: Here) -> AsyncIterator[Sequence[str]]:
    for path in TINY.rglob("*"):
        copy = here.folder / "model" / path.relative_to(TINY)
        if path.is_file() and (path.parent.name, path.suffix) != ("vae", ".safetensors"):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    yield ["--model", "model", "--device", "cpu"]


@asynccontextmanager
async def only_words(here: Here) -> AsyncIterator[Sequence[str]]:
    async with chat(here, says("I am ready.")) as model:
        yield [*model, "--image-backend", "none", "--online"]


@asynccontextmanager
async def servers(here: Here) -> AsyncIterator[Sequence[str]]:
    described = {
        "provider": "example",
        "api_base": "https://images.example.com/v1",
        "api_key_env": "EXAMPLE_IMAGE_API_KEY",
        "default_model": "gpt-image-1",
    }
    (here.folder / "service.json").write_text(json.dumps(described))
    url = f"http://127.0.0.1:{free_port()}/v1"
    here.shown[url] = "http://127.0.0.1:11434/v1"
    yield ["--llm", url, "--image-service-config", "service.json", "--online"]


@asynccontextmanager
async def chat(here: Here, reply: Reply) -> AsyncIterator[Sequence[str]]:
    async with ScriptedChat([reply, fails(500)]) as server:
        here.shown[server.url] = "http://127.0.0.1:11434"
        yield ["--llm", f"{server.url}/v1", "--llm-model", "qwen3"]


CASES = (
    Case("A bare machine", "The package without the engine's, no settings.", nothing, is_bare=True),
    Case(
        "A configured machine",
        "A language model that calls functions, and our own engine.",
        configured,
    ),
    Case(
        "Settings that cannot be",
        "A value that is none, and a name with a slip.",
        nothing,
        {"LIMNER_PORT": "eighty", "LIMNER_ALOWED_HOSTS": "limner.example"},
    ),
    Case("A port, a folder and a key", "Taken, in the way, and forgotten.", port_folder_and_key),
    Case("Half a model", "A copy that was interrupted.", half_a_model),
    Case("A model that only talks", "It answers, and calls nothing.", only_words),
    Case("Servers that are not there", "One is down, the other's key is not set.", servers),
    Case("For programs", "The same as JSON.", as_json, is_bare=True),
)


async def shown(case: Case, folder: Path) -> str:
    """What a terminal shows of the case, with the names of the page."""
    port = str(free_port())
    names = {str(folder): HOME, str(SOURCES): f"{HOME}/site-packages", f":{port}": ":8034"}
    here = Here(folder, names)
    async with case.ready(here) as arguments:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(["-S"] if case.is_bare else []),
            *("-m", "limner", "doctor", *arguments),
            cwd=folder,
            env={
                **_environ(folder, is_bare=case.is_bare),
                "LIMNER_PORT": port,
                **case.environ,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await process.communicate()
    typed = shlex.join(("limner", "doctor", *arguments))
    variables = "".join(f"{name}={value} " for name, value in case.environ.items())
    text = f"$ {variables}{typed}\n{output.decode()}$ echo $?\n{process.returncode}\n"
    for real, name in here.shown.items():
        text = text.replace(real, name)
    return text


def block(case: Case, text: str) -> str:
    return f"\n## {case.title}\n\n{case.about}\n\n```text\n{text}```\n"


def without_numbers(text: str) -> str:
    """Lines that tell of versions and sizes, without them: those differ between machines."""
    told = re.compile(
        r'^(ok +(python|engine|device|model|memory) .*|.*"message": "Limner .*)$', re.M
    )
    return told.sub(lambda line: re.sub(r"\d[\w.+,]*", "N", line[0]), text)


def _environ(folder: Path, *, is_bare: bool) -> dict[str, str]:
    kept = {name: value for name, value in environment().items() if not name.startswith("XDG_")}
    environ = {**kept, "HOME": str(folder), "HF_HOME": str(folder / "hf")}
    if is_bare:
        environ["PYTHONPATH"] = f"{SOURCES}{os.pathsep}{_base_packages(folder / 'site-packages')}"
    return environ


def _base_packages(folder: Path) -> Path:
    """Links to all installed packages but the engine's."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(ENGINE):
            (folder / path.name).symlink_to(path)
    return folder


async def page() -> str:
    blocks = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            blocks.append(block(case, await shown(case, Path(folder))))
    return HEAD + "".join(blocks)


def main() -> None:
    PAGE.write_text(asyncio.run(page()), encoding="utf-8")


if __name__ == "__main__":
    main()
