"""Checks of this machine: Python, port, access, folder."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.cli.checks.data import check_data
from limner.cli.checks.listening import ask_port, check_access, check_port
from limner.cli.checks.python import check_python
from limner.config import Settings
from tests.serving import serving


def test_python_is_one_that_is_tested() -> None:
    assert check_python((3, 11, 0)).state == check_python((3, 14, 2)).state == "ok"
    assert check_python((3, 15, 0)).state == "warning"
    assert check_python().state == "ok"


def test_a_free_port_is_free_afterwards_too() -> None:
    assert check_port("127.0.0.1", 0).state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    assert check_port("127.0.0.1", port).state == "ok"
    assert check_port("127.0.0.1", port).state == "ok"


@pytest.mark.parametrize("host", ["203.0.113.1", "nowhere.invalid"])
def test_an_address_of_another_machine_cannot_be_listened_on(host: str) -> None:
    verdict = check_port(host, 8034)
    assert verdict.state == "failure"
    assert "--host" in (verdict.remedy or "")


@pytest.mark.parametrize(
    ("says", "state"), [('{"name": "limner"}', "ok"), ('{"name": "x"}', "failure"), ("", "failure")]
)
async def test_a_port_that_limner_has_is_well_when_it_may_be_asked(says: str, state: str) -> None:
    async def welcome(request: Request) -> Response:
        return Response(says, media_type="application/json")

    async with serving(Starlette(routes=[Route("/", welcome)])) as url:
        port = int(url.rpartition(":")[2])
        assert check_port("127.0.0.1", port).state == "failure"
        assert (await ask_port("127.0.0.1", port)).state == state


def test_a_port_that_something_else_has_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        verdict = check_port("127.0.0.1", other.getsockname()[1])
    assert verdict.state == "failure"
    assert verdict.remedy == "Stop it, or choose another --port (0 takes a free one)."


@pytest.mark.parametrize("addresses", [{}, {"api_keys": ("k",)}])
def test_who_can_reach_the_server(addresses: dict[str, tuple[str, ...]]) -> None:
    inside = Settings(host="127.0.0.1", **addresses)  # type: ignore[arg-type]
    outside = Settings(host="0.0.0.0", **addresses)  # type: ignore[arg-type]
    assert check_access(inside).state == "ok"
    assert check_access(outside).state == ("ok" if addresses else "failure")


def test_no_key_is_shown() -> None:
    assert "s3cret" not in check_access(Settings(api_keys=("s3cret",))).message


def test_the_keys_of_the_file_count_as_well() -> None:
    settings = Settings(host="0.0.0.0", api_keys=("s3cret",))
    assert check_access(settings, 2).message == "clients must show a key, of 3"
    assert check_access(Settings(host="0.0.0.0"), 1).state == "ok"


def test_a_folder_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    assert check_data(tmp_path).message == f"{tmp_path} can be written to"
    assert check_data(tmp_path / "a" / "b").message == f"{tmp_path / 'a' / 'b'} can be made"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    path = tmp_path / "file"
    path.touch()
    assert check_data(path / below).message == f"{path} is no folder"


def test_a_link_to_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert check_data(tmp_path / "link").state == "failure"
