"""`limner doctor`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from functools import partial
from typing import Any

import click

from limner.cli.options import read_settings, settings_options
from limner.config import NAMES


@click.command("doctor")
@click.option("--online", is_flag=True, help="Ask the servers that the settings name, too.")
@click.option("--json", "is_json", is_flag=True, help="Write JSON, for programs.")
@settings_options(NAMES)
def command(online: bool, is_json: bool, **flags: Any) -> int:
    """Find out what would be in the way of `limner serve` with these flags.

    Changes nothing, and without --online asks no server. Exits with 0 when there is nothing to do,
    with 1 after warnings, with 2 after failures.
    """
    from limner.cli.checks.examine import examine
    from limner.cli.checks.verdict import Verdict, as_json, as_text, exit_code

    async def found() -> list[Verdict]:
        read = partial(read_settings, flags, NAMES)
        return [verdict async for verdict in examine(read, os.environ, online=online)]

    # What is logged of failures is what the verdicts say.
    logging.disable()
    verdicts = asyncio.run(found())
    click.echo(json.dumps(as_json(verdicts), indent=2) if is_json else as_text(verdicts))
    return exit_code(verdicts)
