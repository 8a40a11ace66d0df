"""All checks together, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from limner.cli.checks.examine import examine
from limner.config import load
from tests.scripted_chat import ScriptedChat, calls, says

MACHINE = ["python", "settings", "port", "access", "data"]
CALL = calls("report_ready", {"ready": True})


async def found(
    flags: Mapping[str, str],
    *,
    online: bool = False,
    environ: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Check and state of each verdict."""
    known = environ or {}
    given = {"port": "0", **flags}
    verdicts = examine(lambda: load(given, known), known, online=online)
    return [(verdict.check, verdict.state) async for verdict in verdicts]


def names(states: list[tuple[str, str]]) -> list[str]:
    return [check for check, _ in states]


async def test_what_follows_from_wrong_settings_is_not_looked_at(tmp_path: Path) -> None:
    environ = {"LIMNER_DATA": str(tmp_path), "LIMNER_PROT": "1"}
    states = await found({"steps": "many"}, environ=environ)
    assert states[1:] == [
        ("settings", "warning"),
        ("settings", "failure"),
        ("all else", "skipped"),
    ]


async def test_nothing_paints_where_nothing_shall(tmp_path: Path) -> None:
    states = await found({"data": str(tmp_path), "image_backend": "none"})
    assert names(states) == [*MACHINE, "language model", "pictures"]
    assert {state for _, state in states} == {"ok"}


async def test_servers_are_asked_only_when_they_may_be(tmp_path: Path) -> None:
    async with ScriptedChat([CALL]) as chat:
        flags = {"data": str(tmp_path), "llm_url": chat.url, "llm_model": "m"}
        flags["image_backend"] = chat.url
        offline = await found(flags)
        assert not chat.requests
        online = await found(flags, online=True)
        assert len(chat.requests) == 1
    assert names(offline) == [*MACHINE, "language model", "image back end"]
    assert names(online) == [*MACHINE, "language model", "tools", "image back end"]


async def test_every_server_of_a_file_is_asked(tmp_path: Path) -> None:
    async with ScriptedChat([CALL, says("Ready.")]) as chat:
        path = tmp_path / "limner.toml"
        path.write_text(
            f"""
[upstreams.rules]
kind = "intent"
models = ["rules"]
[upstreams.large]
url = "{chat.url}"
models = ["large-1", "large-2"]
[upstreams.small]
url = "{chat.url}"
aliases = {{ quick = "small-1" }}
[images.near]
backend = "{chat.url}"
[images.far]
backend = "comfyui+{chat.url}"
"""
        )
        states = await found({"data": str(tmp_path), "config": str(path)}, online=True)
    assert [request["model"] for request in chat.requests] == ["large-1", "small-1"]
    assert states[len(MACHINE) :] == [
        ("rules", "ok"),
        ("large", "ok"),
        ("tools", "ok"),
        ("small", "ok"),
        ("tools", "failure"),
        ("image back end", "ok"),
        ("image back end", "ok"),
    ]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("[upstreams", {}),
        ('[upstreams.a]\nurl = "http://h"\nmodels = ["m"]\nkey_env = "UNSET"', {}),
        (
            '[upstreams.a]\nurl = "http://h"\nmodels = ["m"]\n[images.b]\nbackend = "http://i"',
            {"image_backend": "http://j"},
        ),
    ],
)
async def test_a_file_that_cannot_be_used_is_a_failure(
    tmp_path: Path, text: str, flags: dict[str, str]
) -> None:
    path = tmp_path / "limner.toml"
    path.write_text(text)
    states = await found({"data": str(tmp_path), "config": str(path), **flags})
    assert states[len(MACHINE) :] == [("config", "failure")]
