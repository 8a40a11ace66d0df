"""Who has a port."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from limner.app.http import listen_tcp
from limner.app.listeners import PROC, who_listens
from limner.core.errors import ConfigError

on_linux = pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="only Linux tells")


@on_linux
@pytest.mark.parametrize(("family", "host"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
def test_a_port_that_is_taken_is_refused_with_who_has_it(family: str, host: str) -> None:
    try:
        other = socket.create_server((host, 0), family=getattr(socket, family))
    except OSError:
        pytest.skip(f"no {family} here")
    with other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            listen_tcp(host, port)
    assert f"(process {os.getpid()}) already listens on {host}:{port}" in refused.value.message
    assert "choose another --port" in refused.value.message


@on_linux
def test_a_connection_from_a_port_does_not_listen_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            assert who_listens(client.getsockname()[1]) is None
        assert who_listens(server.getsockname()[1])


def test_where_nothing_is_told_nobody_is_named(tmp_path: Path) -> None:
    assert who_listens(80, tmp_path) is None


def test_a_process_that_may_not_be_looked_at_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    row = "0: 0100007F:1F62 00000000:0000 0A 0:0 0:0 00000000 0 0 4711 1\n"
    (tmp_path / "net" / "tcp").write_text("head\n" + row)
    (tmp_path / "12").mkdir()
    assert who_listens(0x1F62, tmp_path) is None
    files = tmp_path / "13" / "fd"
    files.mkdir(parents=True)
    (files / "3").symlink_to("socket:[4711]")
    (tmp_path / "13" / "comm").write_text("other\n")
    assert who_listens(0x1F62, tmp_path) == "other (process 13)"
