"""Freed memory stays with the process, so that it is not cleared again at every step."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
if sys.argv[1] == "kept":
    from limner.engine.allocator import keep_freed_memory
    if not keep_freed_memory():
        print("none")
        sys.exit()
def step():
    parts = [torch.empty(12 * 2**20, dtype=torch.uint8).fill_(1) for _ in range(8)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> str:
    """Pages that the system had to give for 20 steps, each of which frees what it asked for."""
    command = [sys.executable, "-c", FAULTS, how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="a matter of glibc")
def test_steps_reuse_the_memory_that_steps_before_them_freed() -> None:
    kept = faults("kept")
    if kept == "none":
        pytest.skip("the C library here is not glibc")
    assert int(kept) < int(faults("usual")) / 10
