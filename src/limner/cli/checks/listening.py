"""Whether the server could listen where it shall, and who could reach it there."""

from __future__ import annotations

import aiohttp

from limner.app.http import listen_tcp
from limner.cli.checks.verdict import Verdict, ok, refused
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.server.guard import allowed_hosts

PATIENCE_S = 5.0


def check_port(host: str, port: int) -> Verdict:
    """Listen for a moment, in which no connection is taken."""
    try:
        sock = listen_tcp(host, port)
    except ConfigError as error:
        return refused("port", error.message, "Name an address of this machine with --host.")
    sock.close()
    return ok("port", f"{host}:{port} is free" if port else f"a free one of {host}")


async def ask_port(host: str, port: int) -> Verdict:
    """The same; what listens there already may be Limner."""
    verdict = check_port(host, port)
    if verdict.state == "failure" and await _is_limner(host, port):
        return ok("port", f"Limner listens on {host}:{port} already")
    return verdict


def check_access(settings: Settings, further_keys: int = 0) -> Verdict:
    """further_keys: how many the file of `--config` has."""
    if keys := len(settings.api_keys) + further_keys:
        return ok("access", f"clients must show a key, of {keys}")
    if allowed_hosts(settings.host) is None:
        return refused(
            "access",
            f"{settings.host} can be reached by others, and no key is asked for",
            "Put keys into the variable LIMNER_API_KEYS, or name another with --api-keys-env.",
        )
    return ok("access", "this machine only, no key is asked for")


async def _is_limner(host: str, port: int) -> bool:
    """Whether what answers there introduces itself so."""
    there = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=patience) as http, http.get(there) as response:
            welcome = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    return isinstance(welcome, dict) and welcome.get("name") == "limner"
