"""`limner engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from limner.cli.options import read_settings, settings_options, start_logging
from limner.cli.serve import address_of, refuse_if_open
from limner.config import TAKEN_BY_AN_ENGINE

NAMES = TAKEN_BY_AN_ENGINE | {
    "host",
    "port",
    "api_keys",
    "allowed_hosts",
    "allowed_origins",
    "log_format",
    "log_level",
}


@click.command("engine")
@settings_options(NAMES)
@click.option("--socket", metavar="PATH", help="Listen on a Unix socket instead of host and port.")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(socket: str | None, with_parent: bool, **flags: Any) -> None:
    """Serve one image model behind the Images API, with progress and partial images.

    `limner serve` starts one by itself. Elsewhere, start this on the machine with the GPU and give
    its address to `limner serve --image-backend URL`.
    """
    settings = read_settings(flags, NAMES)
    start_logging(settings)
    from limner.app.engine import run_engine
    from limner.app.http import listen_tcp, listen_unix, run
    from limner.app.process import end_with_parent

    if with_parent:
        end_with_parent()
    if socket:
        run(run_engine(settings, listen_unix(Path(socket))))
        return
    sock = listen_tcp(settings.host, settings.port)
    refuse_if_open(settings)
    click.echo(f"Limner's engine listens on {address_of(sock)}")
    run(run_engine(settings, sock))
