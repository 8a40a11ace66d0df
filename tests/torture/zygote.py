"""A process that has imported all of the server, and forks one whenever it is told to.

Starting Python and importing costs a second or two, forking a hundredth: so that servers can be
killed by the hundred. Each line on standard input is a JSON array of the arguments of `limner`, a
file for what it says, and variables; each line on standard output is the pid of a server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class Zygote:
    """The parent's side. Servers are children of the zygote, not of this process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def fork(self, argv: Sequence[str], log: Path, variables: Mapping[str, str]) -> int:
        """The pid of a new process that runs `limner` with these arguments and variables."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([argv, str(log), variables]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the zygote has died"
        return int(line)


@contextmanager
def zygote(variables: Mapping[str, str]) -> Iterator[Zygote]:
    """variables: the environment of the servers."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**variables, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        yield Zygote(process)
    finally:
        process.communicate(timeout=60)


def main() -> None:
    """Fork until standard input ends."""
    import uvloop  # noqa: F401 - imported where it is used, which would be in every child

    import limner.app.http
    import limner.app.process
    import limner.app.server  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(*order)
        print(pid, flush=True)


def _become(argv: Sequence[str], log: str, variables: Mapping[str, str]) -> None:
    from limner.cli import main as limner

    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, target in ((0, null), (1, output), (2, output)):
        os.dup2(target, number)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    os.environ.update(variables)
    sys.argv = ["limner", *argv]
    try:
        limner()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


if __name__ == "__main__":
    main()
