"""When `limner demo` opens a browser, and what the shell is offered."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from limner.cli.demo import has_browser


@pytest.mark.parametrize(
    ("environ", "platform", "opens"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "code --open %s"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_browser_opens_where_it_has_a_window(
    environ: dict[str, str], platform: str, opens: bool
) -> None:
    assert has_browser(environ, platform) is opens


def offered(typed: str) -> set[str]:
    asked = {
        "_LIMNER_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    ran = subprocess.run(
        [sys.executable, "-c", "from limner.cli import main; main()"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("typed", "among"),
    [
        ("limner co", {"plain,config", "plain,completion"}),
        ("limner serve --ima", {"plain,--image-tool", "plain,--image-backend"}),
        ("limner serve --dtype b", {"plain,bfloat16"}),
        ("limner serve --image-tool ", {"plain,on", "plain,off", "plain,strip"}),
        ("limner serve --config lim", {"file,lim"}),
        ("limner serve --data ", {"dir,"}),
        ("limner completion z", {"plain,zsh"}),
    ],
)
def test_the_shell_is_offered_commands_flags_and_values(typed: str, among: set[str]) -> None:
    assert among <= offered(typed)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_the_command(shell: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "limner", "completion", shell],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"_LIMNER_COMPLETE={shell}_complete" in ran.stdout
