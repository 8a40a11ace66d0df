"""How clients' pictures come in: by which URLs, and through which hands."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from yarl import URL

from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.image import ImageData
from limner.core.ports import Codec, Fetch
from limner.images.codec import SandboxedCodec
from limner.images.fetch import WEB_PORTS, FetchRules, GuardedFetch, fetch_all, refuse_urls

PUBLIC, OFF = "public", "off"


@dataclass(frozen=True, slots=True)
class Pictures:
    """codec: reads and writes what strangers send. fetch: gets what they name by URL."""

    codec: Codec
    fetch: Fetch

    async def fetch_all(self, urls: Iterable[str]) -> dict[str, ImageData]:
        """Those of one request, within what one may have; raises InvalidRequest."""
        return await fetch_all(self.fetch, urls)


@asynccontextmanager
async def open_pictures(settings: Settings) -> AsyncIterator[Pictures]:
    """Both, as the settings want them; processes start when there is something to read."""
    async with SandboxedCodec() as codec:
        rules = fetch_rules(settings.client_urls)
        yield Pictures(codec, GuardedFetch(codec, rules) if rules else refuse_urls)


def fetch_rules(client_urls: Sequence[str]) -> FetchRules | None:
    """What `--client-urls` allows; None where it allows nothing. Raises ConfigError.

    A host that is a literal address may be private, since the operator has named it.
    """
    if client_urls == (OFF,):
        return None
    if client_urls == (PUBLIC,):
        return FetchRules()
    hosts, also = set(), set()
    for name in client_urls:
        url = _root(name)
        hosts.add(f"{url.host}:{url.explicit_port}" if url.explicit_port else str(url.host))
        if _is_address(str(url.host)):
            ports = [url.explicit_port] if url.explicit_port else WEB_PORTS.values()
            also |= {f"{url.host}:{port}" for port in ports}
    return FetchRules(hosts=frozenset(hosts), also=frozenset(also))


def _root(name: str) -> URL:
    """The URL of a host that is named with or without a port."""
    with suppress(ValueError):
        url = URL(f"http://{name}")
        if url.host and url == url.origin() and name not in (PUBLIC, OFF):
            return url
    raise ConfigError(f"--client-urls must be {PUBLIC}, {OFF} or host names, got {name!r}.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
