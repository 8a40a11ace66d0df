"""The command answers questions about itself at once, and wrong flags in words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from limner import __version__
from limner.cli import COMMANDS

HEAVY = {
    "aiohttp",
    "asyncio",
    "diffusers",
    "limner.app",
    "limner.config",
    "orjson",
    "platformdirs",
    "starlette",
    "torch",
    "uvicorn",
}
MODULES_OF_CLICK = 190


def limner(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "limner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def modules_after(*arguments: str) -> set[str]:
    program = f"""
import sys
from limner.cli import main
sys.argv[1:] = {list(arguments)!r}
try:
    main()
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(ran.stderr.split())


def test_help_imports_click_and_little_else() -> None:
    loaded = modules_after("--help")
    assert not HEAVY & loaded
    assert len(loaded) < MODULES_OF_CLICK


def test_help_of_a_command_imports_no_server_and_no_engine() -> None:
    loaded = modules_after("serve", "--help")
    assert not {"aiohttp", "starlette", "torch", "uvicorn"} & loaded


def test_help_names_every_command() -> None:
    ran = limner("--help")
    assert ran.returncode == 0
    assert all(name in ran.stdout and words in ran.stdout for name, words in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    ran = limner(name, "--help")
    assert ran.returncode == 0
    assert f"limner {name}" in ran.stdout


def test_the_version_is_the_package_s() -> None:
    assert limner("--version").stdout == f"limner, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("paint",), "No such command 'paint'"),
        (("serve", "--prot", "1"), "No such option '--prot'"),
        (("serve", "--port", "high"), "limner: --port must be a whole number from 0 to 65535"),
        (("serve", "--host", "203.0.113.1"), "is no address of this machine"),
        (("serve", "--host", "nowhere.invalid"), "--host must be a name or an address of this"),
        (("generate", "a cat", "-o", "cat.gif"), "limner: --output must end in .png, .jpg"),
        (("generate", "a cat", "-o", "nowhere/cat.png"), "must be in a folder that is there"),
        (("generate", "a cat", "-o", "-", "--n", "2"), "or be - for one picture"),
        (("generate", "a cat", "--size", "9"), "must be width and height in pixels"),
        (
            ("generate", "a cat", "--server", "http://127.0.0.1:1", "--device", "cpu"),
            "limner: --device is decided by the --server that paints.",
        ),
        (("generate", "a cat", "--server", "there"), "address must be http(s)://host"),
        (("engine", "--socket", "/nowhere/engine.sock"), "--socket cannot be '/nowhere/engine"),
    ],
)
def test_wrong_flags_are_answered_in_words_and_with_exit_code_2(
    arguments: tuple[str, ...], message: str
) -> None:
    ran = limner(*arguments)
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 2
