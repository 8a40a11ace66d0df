"""`limner serve`."""

from __future__ import annotations

import os
import socket
from typing import Any

import click

from limner import __version__
from limner.cli.options import read_settings, settings_options, start_logging
from limner.config import NAMES, Settings
from limner.config.upstreams import read_upstreams
from limner.core.errors import ConfigError


@click.command("serve")
@settings_options(NAMES)
def command(**flags: Any) -> None:
    """Serve the Responses API with the image tool, the Images API and the job API.

    Without flags: on loopback, with built-in rules instead of a language model, painting with the
    small model of the package.
    """
    settings = read_settings(flags, NAMES)
    start_logging(settings)
    from limner.app.http import listen_tcp, run
    from limner.app.process import keep_freed_memory
    from limner.app.server import run_server

    sock = listen_tcp(settings.host, settings.port)
    refuse_if_open(settings)
    keep_freed_memory()
    run(run_server(settings, sock, lambda: _announce(settings, sock)))


def refuse_if_open(settings: Settings) -> None:
    """Raise ConfigError where anyone could use this server who can reach its address."""
    from limner.server.guard import allowed_hosts

    if not _asks_for_keys(settings) and allowed_hosts(settings.host) is None:
        raise ConfigError(
            f"--host {settings.host} can be reached by others, so keys are needed: put some into "
            "the variable LIMNER_API_KEYS, or name another with --api-keys-env. Without keys the "
            "server listens on loopback only, such as 127.0.0.1."
        )


def _asks_for_keys(settings: Settings) -> bool:
    file = settings.config and read_upstreams(settings.config, os.environ)
    return bool(settings.api_keys or (file and file.keys))


def _announce(settings: Settings, sock: socket.socket) -> None:
    """What a newcomer needs to know; nothing where the log is for machines."""
    if settings.log_format == "json":
        return
    url = address_of(sock)
    paints, thinks = painter_in_words(settings), _language_model(settings)
    body = '{"prompt": "a red circle above a blue square on a yellow background"}'
    click.echo(
        f"Limner {__version__} serves on {url}\n"
        f"  paints with: {paints}; language model: {thinks}\n"
        f"  chat: {url}/\n"
        f"  try: curl -s {url}/v1/images/generations -H 'content-type: application/json' "
        f"-d '{body}'\n"
        """       | grep -o '"b64_json":"[^"]*' | cut -d'"' -f4 | base64 -d > picture.png""",
    )


def address_of(sock: socket.socket) -> str:
    """The URL under which this machine reaches what listens there."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def painter_in_words(settings: Settings) -> str:
    """What paints, for a person who starts the server."""
    from limner.app.painting import missing_packages, model_name

    file = settings.config and read_upstreams(settings.config, os.environ)
    if file and file.images:
        return ", ".join(entry.name for entry in file.images)
    if settings.paints_itself:
        if missing_packages():
            return "nothing (pip install 'limner[engine]')"
        return f"{model_name(settings.model)}, which loads now"
    if settings.image_service_config is not None:
        return f"the image service of {settings.image_service_config}"
    return "nothing" if settings.image_backend == "none" else settings.image_backend or ""


def _language_model(settings: Settings) -> str:
    if settings.config is not None:
        return f"those of {settings.config}"
    if settings.llm_url is None:
        return "none, built-in rules (--llm URL)"
    return f"{settings.llm_model or 'the one that is asked for'} at {settings.llm_url}"
