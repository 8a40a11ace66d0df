"""What `limner serve` says to a person before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.cli.serve import warn_if_open
from limner.config import Settings

FILE = '[upstreams.rules]\nkind = "intent"\n'


@pytest.mark.parametrize(
    ("host", "keys", "file", "is_warned"),
    [
        ("127.0.0.1", (), None, False),
        ("0.0.0.0", (), None, True),
        ("0.0.0.0", ("k",), None, False),
        ("0.0.0.0", (), FILE, True),
        ("0.0.0.0", (), FILE + '[keys.mine]\nkey_env = "MINE"\n', False),
    ],
)
def test_a_server_that_anyone_may_use_is_pointed_out(
    host: str,
    keys: tuple[str, ...],
    file: str | None,
    is_warned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MINE", "sk-mine")
    path = tmp_path / "limner.toml"
    path.write_text(file or "")
    warn_if_open(Settings(host=host, api_keys=keys, config=path if file else None))
    assert ("anyone who can reach 0.0.0.0" in capsys.readouterr().err) == is_warned
