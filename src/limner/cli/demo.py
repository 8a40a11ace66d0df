"""`limner demo`."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from limner import __version__
from limner.cli.options import read_settings, settings_options, start_logging
from limner.cli.serve import address_of, painter_in_words
from limner.config import Settings
from limner.core.errors import ConfigError

TAKES = frozenset({"port", "log_level"})
ASK = (
    '{"model": "limner", "input": "a red circle above a blue square on a yellow background", '
    '"stream": true, "tools": [{"type": "image_generation", "partial_images": 2}]}'
)


@click.command("demo")
@settings_options(TAKES)
@click.option(
    "--browser/--no-browser",
    default=None,
    help="Open the chat page; by default where a browser is.",
)
def command(browser: bool | None, **flags: Any) -> None:
    """Try Limner: the chat page and the API on this machine, with nothing to set up.

    Built-in rules stand for a language model, and the small model of the package paints. Nothing is
    kept. Where the usual port is taken and no other is named, it takes a free one. Without
    --log-level it logs warnings only.
    """
    settings = read_settings(flags, TAKES)
    if not _chose("log_level", flags):
        settings = replace(settings, log_level="warning")
    start_logging(settings)
    from limner.app.http import run
    from limner.app.process import keep_freed_memory
    from limner.app.server import run_server

    sock = _listen(settings, any_port=not _chose("port", flags))
    keep_freed_memory()
    opens = has_browser(os.environ, sys.platform) if browser is None else browser

    def listening() -> None:
        _announce(settings, sock)
        if opens:
            # Starting a browser may take as long as it likes; the server is on this thread.
            threading.Thread(target=webbrowser.open, args=(address_of(sock),), daemon=True).start()

    with tempfile.TemporaryDirectory(prefix="limner-demo-") as folder:
        run(run_server(replace(settings, store="memory", data=Path(folder)), sock, listening))


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser would open in a window of its own, not in this terminal."""
    if platform in ("darwin", "win32"):
        return True
    return any(environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))


def _chose(name: str, flags: Mapping[str, object]) -> bool:
    return flags[name] is not None or bool(os.environ.get(f"LIMNER_{name.upper()}"))


def _listen(settings: Settings, *, any_port: bool) -> socket.socket:
    from limner.app.http import listen_tcp

    try:
        return listen_tcp(settings.host, settings.port)
    except ConfigError:
        if not any_port:
            raise
        return listen_tcp(settings.host, 0)


def _announce(settings: Settings, sock: socket.socket) -> None:
    url = address_of(sock)
    click.echo(
        f"Limner {__version__} serves on {url}\n"
        f"  paints with: {painter_in_words(settings)}; language model: none, built-in rules\n"
        f"  chat:  {url}/\n"
        f"  API:   {url}/v1   (no key is needed on this machine)\n"
        f"  try:   curl -sN {url}/v1/responses -H 'content-type: application/json' \\\n"
        f"           -d '{ASK}' | cut -c -120\n"
        "  keeps: nothing; chats and pictures go when it ends (limner serve keeps them)\n"
        "Ctrl-C stops it."
    )
