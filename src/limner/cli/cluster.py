"""`limner cluster`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from limner.cli.engine import NAMES as OF_ENGINE
from limner.cli.options import read_settings, settings_options, start_logging
from limner.cli.serve import refuse_if_open

if TYPE_CHECKING:
    from limner.app.cluster import Scale
    from limner.config import Settings

NAMES = OF_ENGINE

_ray = click.option(
    "--ray",
    metavar="ADDRESS",
    envvar="RAY_ADDRESS",
    help="A Ray that runs, such as auto or ray://host:10001.  [RAY_ADDRESS]",
)


class _Replicas(click.ParamType[tuple[int, int]]):
    name = "N|MIN-MAX"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", str(value))
        least = int(match[1]) if match else 0
        most = int(match[2] or least) if match else 0
        if not 1 <= least <= most:
            self.fail(f"must be a number such as 2, or a range such as 1-8, got {value!r}")
        return least, most


@click.group("cluster")
def command() -> None:
    """Serve the image engine by replicas on Ray.

    Give their address to `limner serve --image-backend engine+http://…`.
    """


@command.command("up")
@click.option("--replicas", type=_Replicas(), default="1", help="How many; a range follows demand.")
@click.option(
    "--gpus-per-replica",
    type=click.FloatRange(0, 64),
    metavar="X",
    help="GPUs, or a part of one, for each; else one where there are any.",
)
@_ray
@settings_options(NAMES)
def up(
    replicas: tuple[int, int], gpus_per_replica: float | None, ray: str | None, **flags: Any
) -> None:
    """Start replicas behind one Images API.

    Without --ray: on a Ray of their own on this machine, until a signal says stop. With it: on that
    Ray, where they stay when this command has ended.
    """
    from limner.app.cluster import Scale, check_settings

    settings = read_settings(flags, NAMES)
    start_logging(settings)
    refuse_if_open(settings)
    check_settings(settings, is_own=ray is None)
    _up(settings, Scale(*replicas, gpus_per_replica), ray)


def _up(settings: Settings, scale: Scale, ray: str | None) -> None:
    from limner.app.cluster import answers, connected, deploy, remove, wait_for_signal

    with connected(ray):
        click.echo("Ray starts the replicas, each of which loads the model.", err=True)
        url = deploy(settings, scale)
        click.echo(f"Limner's engine serves on {url}")
        click.echo(f"  in front of it: limner serve --image-backend engine+{url}")
        if not answers(url):
            click.echo(
                f"limner: warning: nothing answers at {url} from here. The address is one of the "
                "cluster's head; a Ray Serve that ran before keeps the one that it has.",
                err=True,
            )
        if ray is None:
            wait_for_signal()
            remove()


@command.command("status")
@_ray
def status(ray: str | None) -> int:
    """How many replicas are in which state; exit code 1 where none runs."""
    from limner.app.cluster import connected, states

    with connected(ray or "auto"):
        found = states()
    if found is None:
        click.echo("There are no replicas of Limner's engine.")
        return 1
    click.echo(", ".join(f"{count} {state.lower()}" for state, count in sorted(found.items())))
    return 0 if found.get("RUNNING") else 1


@command.command("down")
@_ray
def down(ray: str | None) -> int:
    """End the replicas; the Ray that they run on stays."""
    from limner.app.cluster import connected, remove

    with connected(ray or "auto"):
        was_there = remove()
    ended = "The replicas have ended." if was_there else "There are no replicas of Limner's engine."
    click.echo(ended)
    return 0 if was_there else 1
