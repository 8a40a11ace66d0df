"""Where what torch compiles is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from limner.app.painting import keep_compiled

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)


def test_what_is_compiled_is_kept_among_the_caches_of_the_user(tmp_path: Path) -> None:
    keep_compiled(None)
    assert os.environ[VARIABLE] == str(tmp_path / "caches" / "limner" / "compiled")
    assert (tmp_path / "caches" / "limner" / "compiled").is_dir()


def test_a_folder_of_the_environment_stays_unless_the_settings_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "theirs"))
    keep_compiled(None)
    assert os.environ[VARIABLE] == str(tmp_path / "theirs")
    keep_compiled(tmp_path / "ours")
    assert os.environ[VARIABLE] == str(tmp_path / "ours")


def test_a_folder_that_cannot_be_made_does_not_hold_up_the_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    keep_compiled(tmp_path / "file" / "compiled")
    assert VARIABLE not in os.environ
    assert "what is compiled is not kept" in caplog.text
