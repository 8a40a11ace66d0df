"""`limner db`: the database that the server keeps things in."""

from __future__ import annotations

from typing import Any

import click

from limner.cli.options import read_settings, settings_options
from limner.core.errors import ConfigError, LimnerError

TAKES = frozenset({"data", "store", "database_url"})


@click.group("db")
def command() -> None:
    """Look after the database that the server keeps jobs, responses and files in."""


@command.command("upgrade")
@settings_options(TAKES)
def upgrade(**flags: Any) -> None:
    """Bring the schema up to this version.

    The server does that by itself for the database in its data folder; one in PostgreSQL, which
    several servers may use, waits for this command.
    """
    from limner.app.http import run
    from limner.app.store import upgrade_database

    settings = read_settings(flags, TAKES)

    async def main() -> None:
        for step in await upgrade_database(settings):
            click.echo(f"applied {step.number:04d}_{step.name}")
        click.echo("The schema is this version's.")

    run(main())


@command.command("check")
@settings_options(TAKES)
def check(**flags: Any) -> None:
    """Look through the whole database and for every picture that it needs.

    May run beside the server. Exit code 1 and what is wrong, where something is.
    """
    from limner.app.http import run
    from limner.app.store import check_database

    settings = read_settings(flags, TAKES)
    if settings.store == "memory":
        raise ConfigError("--store memory leaves nothing to check.")

    async def main() -> None:
        if wrong := await check_database(settings):
            raise LimnerError("\n".join(wrong))
        click.echo("The database is whole.")

    run(main())
