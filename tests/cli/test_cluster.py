"""`limner cluster`: what of its words is wrong is said before Ray is started."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from limner.app import cluster
from limner.cli.cluster import command
from limner.core.errors import ConfigError


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words), standalone_mode=False)


@pytest.mark.parametrize("replicas", ["0", "3-2", "0-2", "-1", "many", "1-", "1.5"])
def test_a_number_of_replicas_that_cannot_be_is_named(replicas: str) -> None:
    error = run("up", f"--replicas={replicas}").exception
    assert isinstance(error, click.BadParameter)
    assert f"a range such as 1-8, got {replicas!r}" in error.message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 can be reached by others, so keys are needed"),
        (["--device", "cuda:1"], "--device must be one of auto, cpu, cuda, mps, xpu in a cluster"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(words: list[str], message: str) -> None:
    error = run("up", *words).exception
    assert isinstance(error, ConfigError)
    assert message in error.message


@pytest.mark.parametrize("words", [["up", "--port", "0"], ["status"], ["down"]])
def test_without_ray_every_word_says_how_to_install_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    error = run(*words).exception
    assert isinstance(error, ConfigError)
    assert "pip install 'limner[ray]'" in error.message
