"""Settings of the server itself: where it listens, for whom, and what it keeps."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path

from limner.config.option import Option, option
from limner.config.reading import (
    FOLDER,
    POSTGRES_URL,
    names,
    number,
    one_of,
    text,
    whole_number,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The first rows of the table that `Settings` is."""

    host: str = option(
        "127.0.0.1",
        Option(
            "server",
            text("a host name or an address", "HOST"),
            "Where to listen. Addresses that others can reach need keys (`api-keys-env`).",
            older="IMAGE_GEN_HOST",
        ),
    )
    port: int = option(
        8034,
        Option(
            "server",
            whole_number(0, 65535),
            "Port to listen on; 0 takes a free one and says which.",
            older="IMAGE_GEN_PORT",
        ),
    )
    data: Path = dataclasses.field(
        default_factory=partial(user_data_path, "limner", appauthor=False),
        metadata={
            "option": Option(
                "server",
                FOLDER,
                "Folder for what the server keeps: the database, pictures, the engine's socket. "
                "One server at a time may use it.",
                unset="the platform's own",
            )
        },
    )
    store: Literal["file", "memory"] = option(
        "file",
        Option(
            "server",
            one_of("file", "memory"),
            "Where jobs, responses and files are kept: in the data folder, or nowhere that "
            "outlives the server.",
        ),
    )
    database_url: str | None = option(
        None,
        Option(
            "server",
            POSTGRES_URL,
            "PostgreSQL in place of the database in the data folder, for several servers before "
            "one store; pictures stay in the data folder, which they then share.",
            unset="the database in the data folder",
            flag="--database-url-env",
            secret=True,
        ),
    )
    store_days: float = option(
        30,
        Option(
            "server",
            number(0.01, 36_500),
            "Days for which responses, conversations and files are kept.",
        ),
    )
    api_keys: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("keys with commas between them"),
            "Keys of which a client must show one.",
            unset="no key needed",
            flag="--api-keys-env",
            secret=True,
        ),
    )
    client_urls: tuple[str, ...] = option(
        ("public",),
        Option(
            "server",
            names("`public`, `off`, or host names with commas between them"),
            "Pictures by URL in requests: from public addresses, not at all, or from these hosts "
            "(`name` or `name:port`) alone.",
            unset="public",
        ),
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("host names with commas between them"),
            "Further names that clients may know this server by, such as a reverse proxy's.",
            unset="loopback names where it listens on loopback, else any",
        ),
    )
    allowed_origins: tuple[str, ...] = option(
        (),
        Option(
            "server",
            names("origins such as https://chat.example with commas between them"),
            "Web pages of other sites that may use this server.",
            unset="none",
        ),
    )
