"""CPU time of `limner --help`, of a command's help, and of the bare interpreter in the same run.

    .venv/bin/python benchmarks/cli_start.py

Wanted: `limner --help` within 150 ms. Imports are compiled once before counting, as they are for a
user from the second call on.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

RUNS = 15
GOAL_MS = 150
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "limner --version": ["-m", "limner", "--version"],
    "limner --help": ["-m", "limner", "--help"],
    "limner serve --help": ["-m", "limner", "serve", "--help"],
}


def cpu_ms(arguments: list[str]) -> float:
    """User and system time of one call and all it waits for, in milliseconds."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environ, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    print(f"CPU ms, median (best) of {RUNS} runs")
    for name, arguments in COMMANDS.items():
        cpu_ms(arguments)
        times = [cpu_ms(arguments) for _ in range(RUNS)]
        print(f"  {name:22} {statistics.median(times):6.0f} ({min(times):.0f})")
    print(f"  wanted for limner --help: {GOAL_MS}")


if __name__ == "__main__":
    main()
