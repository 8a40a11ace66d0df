"""Private folders for sockets, and the removal of those without an owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from limner.core.errors import ConfigError
from limner.gateway.run_folder import MAX_SOCKET_PATH, run_folder


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "d"


def test_a_folder_is_private_and_gone_in_the_end(data: Path) -> None:
    with run_folder(data) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "engine.sock").touch()
        assert folder.parent == data
    assert not folder.exists()


def test_what_a_killed_server_left_is_removed_and_what_a_living_one_has_is_not(data: Path) -> None:
    with run_folder(data) as living:
        left = data / "run-left"
        left.mkdir()
        (left / "engine.sock").touch()
        with run_folder(data):
            assert living.exists()
            assert not left.exists()


def test_foreign_folders_and_links_are_left_alone(data: Path, tmp_path: Path) -> None:
    with run_folder(data):
        other = data / "pictures"
        other.mkdir()
        (data / "run-link").symlink_to(tmp_path)
        with run_folder(data):
            assert other.exists()
            assert tmp_path.exists()
        (data / "run-link").unlink()


def test_a_path_too_long_for_a_socket_is_replaced_by_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path.parent.parent))
    with run_folder(tmp_path / ("x" * MAX_SOCKET_PATH)) as folder:
        assert len(str(folder / "engine.sock")) <= MAX_SOCKET_PATH


def test_a_folder_that_cannot_be_written_to_is_named(data: Path) -> None:
    file = data.with_name("file")
    file.touch()
    with pytest.raises(ConfigError, match="--data must be a folder that can be written to"):  # noqa: SIM117
        with run_folder(file / "data"):
            pass
