"""`limner config`, which asks nobody and shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from limner.cli.config import command
from limner.core.errors import ConfigError

FILE = """
[upstreams.near]
kind = "chat"
url = "http://near/v1"
key_env = "NEAR_KEY"
models = ["qwen3"]
aliases = { fast = "qwen3" }
patterns = ["llama-*"]

[upstreams.rules]
kind = "intent"

[images.far]
backend = "http://far/v1"
aliases = { small = "tiny" }

[keys.codex]
key_env = "CODEX_KEY"
image_tool = "strip"
"""
KEYS = {"NEAR_KEY": "sk-near", "CODEX_KEY": "sk-codex"}


def run(*arguments: str, **environ: str) -> Result:
    result = CliRunner(env=KEYS | environ).invoke(command, arguments, catch_exceptions=False)
    assert "sk-" not in result.output
    return result


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "limner.toml"
    path.write_text(FILE)
    return str(path)


def test_settings_that_can_be_used_are_said_to_be_so(file: str) -> None:
    assert run("check").stdout == "The settings can be used.\n"
    assert run("check", "--config", file).stdout == (
        f"The settings can be used.\n{file}: upstreams near, rules; images far; keys codex.\n"
    )


def test_a_variable_that_is_no_setting_is_pointed_out() -> None:
    assert "LIMNER_PROT is not a setting; did you mean LIMNER_PORT?" in (
        run("check", LIMNER_PROT="1").stderr
    )


def test_settings_that_cannot_be_used_are_an_error(tmp_path: Path, file: str) -> None:
    service = tmp_path / "service.json"
    service.write_text("{}")
    for flags in (
        ("--port", "x"),
        ("--config", "/none"),
        ("--config", file, "--image-backend", "engine"),
        ("--image-service-config", str(service)),
    ):
        with pytest.raises(ConfigError):
            run("check", *flags)


def test_every_setting_is_shown_with_where_it_comes_from() -> None:
    shown = run(
        "show", "--port", "1", "--llm-key-env", "NEAR_KEY", "--llm", "http://a", LIMNER_HOST="b"
    )
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert rows["--port"] == ["1", "--port"]
    assert rows["--host"] == ["b", "LIMNER_HOST"]
    assert rows["--llm-key-env"] == ["set", "NEAR_KEY"]
    assert rows["--api-keys-env"] == ["not", "set", "default"]
    assert rows["--llm-vision"] == ["no", "default"]


def test_the_upstreams_of_the_file_are_shown(file: str) -> None:
    _, *described = run("show", "--config", file).stdout.split("\n\n")
    assert described == [
        "[upstreams.near]  chat at http://near/v1, with a key, sees no pictures, image tool on\n"
        "  timeouts connect=10,first_byte=300,idle=120,total=1800; retries=2; "
        "circuit failures=5,rest=15\n"
        "  qwen3\n"
        "  fast stands for qwen3\n"
        "  llama-*",
        "[upstreams.rules]  built-in rules, without a key, sees no pictures, image tool on\n  *",
        "[images.far]  http://far/v1, without a key\n  small stands for tiny",
        "[keys.codex]  image tool strip\n",
    ]
