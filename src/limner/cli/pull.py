"""`limner pull`."""

from __future__ import annotations

import sys
import time
from typing import TextIO

import click

from limner.cli.screen import Screen

EVERY_S = 10.0
EVERY_SHARE = 0.05
BAR_CELLS = 28


@click.command("pull")
@click.argument("model")
def command(model: str) -> None:
    """Download MODEL from the Hugging Face Hub, such as Tongyi-MAI/Z-Image-Turbo.

    What broke off goes on where it was. Models lie where the Hub's other programs look for them.
    """
    from limner.engine.hub import bring, check_room, gigabytes, look_up

    found = look_up(model)
    click.echo(
        f"{found.name} · {gigabytes(found.size)} in {len(found.files)} files · loading it needs "
        f"about {gigabytes(found.weights)} of memory",
        err=True,
    )
    if found.missing:
        check_room(found)
        click.echo(f"{gigabytes(found.missing)} to download; Ctrl-C keeps what is here", err=True)
    telling = _Telling(sys.stderr, found.missing)
    folder = bring(found, telling.arrived)
    telling.end()
    click.echo(str(folder))
    click.echo(f"Use it: limner serve --model {found.name}", err=True)


class _Telling:
    """How far the download is: one moving line on a terminal, now and then a line elsewhere."""

    def __init__(self, output: TextIO, total: int) -> None:
        self._output = output
        self._screen = Screen(output, None)
        self._total = total
        self._began = time.monotonic()
        self._here = 0
        self._told = 0.0
        self._told_at = self._began

    def arrived(self, name: str, size: int) -> None:
        from limner.engine.hub import gigabytes

        self._here = min(self._here + size, self._total)
        now = time.monotonic()
        share = self._here / self._total if self._total else 1.0
        rate = self._here / max(now - self._began, 1e-3)
        words = (
            f"{share:4.0%}  {gigabytes(self._here)} of {gigabytes(self._total)}  "
            f"{gigabytes(int(rate))}/s  {_duration((self._total - self._here) / max(rate, 1))} left"
        )
        if self._output.isatty():
            full = int(BAR_CELLS * share)
            self._screen.say(f"{'━' * full}{'─' * (BAR_CELLS - full)} {words}")
        elif share - self._told >= EVERY_SHARE or now - self._told_at >= EVERY_S:
            self._told, self._told_at = share, now
            click.echo(f"{words}  ({name})", err=True)

    def end(self) -> None:
        self._screen.end()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
