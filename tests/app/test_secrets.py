"""Every secret that the operator has given is known, so that no line of the log shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limner.app.secrets import secrets_of
from limner.config import Settings

FILE = """
[upstreams.big]
url = "http://127.0.0.1:1/v1"
key_env = "BIG"

[images.paint]
backend = "http://127.0.0.1:2"
key_env = "PAINT"

[keys.mine]
key_env = "MINE"
"""


def test_the_secrets_of_settings_and_files_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BIG", "PAINT", "MINE", "SERVICE"):
        monkeypatch.setenv(name, f"sk-{name}")
    (tmp_path / "limner.toml").write_text(FILE)
    service = {
        "provider": "openai",
        "api_base": "http://127.0.0.1:3/v1",
        "api_key_env": "SERVICE",
        "default_model": "m",
    }
    (tmp_path / "service.json").write_text(json.dumps(service))
    settings = Settings(
        api_keys=("sk-a", "sk-b"),
        llm_key="sk-llm",
        image_key="sk-image",
        database_url="postgresql://limner:pass-word@db/limner",
        config=tmp_path / "limner.toml",
        image_service_config=tmp_path / "service.json",
    )
    found = {"sk-a", "sk-b", "sk-llm", "sk-image", settings.database_url, "pass-word"}
    assert set(secrets_of(settings)) == found | {"sk-BIG", "sk-PAINT", "sk-MINE", "sk-SERVICE"}
    for secret in secrets_of(settings):
        assert secret not in repr(settings)
