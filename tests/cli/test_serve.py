"""What `limner serve` will not do."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from limner.cli.serve import refuse_if_open
from limner.config import Settings
from limner.core.errors import ConfigError

FILE = '[upstreams.rules]\nkind = "intent"\n'


@pytest.mark.parametrize(
    ("host", "keys", "file", "is_refused"),
    [
        ("127.0.0.1", (), None, False),
        ("127.0.0.53", (), None, False),
        ("::1", (), None, False),
        ("localhost", (), None, False),
        ("0.0.0.0", (), None, True),
        ("::", (), None, True),
        ("192.168.0.7", (), None, True),
        ("paint.example", (), None, True),
        ("localhost.example", (), None, True),
        ("0.0.0.0", ("k",), None, False),
        ("0.0.0.0", (), FILE, True),
        ("0.0.0.0", (), FILE + '[keys.mine]\nkey_env = "MINE"\n', False),
    ],
)
def test_a_server_that_anyone_could_use_does_not_start(
    host: str,
    keys: tuple[str, ...],
    file: str | None,
    is_refused: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINE", "sk-mine")
    path = tmp_path / "limner.toml"
    path.write_text(file or "")
    settings = Settings(host=host, api_keys=keys, config=path if file else None)
    outcome: AbstractContextManager[object] = nullcontext()
    if is_refused:
        outcome = pytest.raises(ConfigError, match="keys are needed")
    with outcome:
        refuse_if_open(settings)
