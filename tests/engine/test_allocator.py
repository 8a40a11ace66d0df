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
torch.set_num_threads(1)
up, gate, down = torch.randn(192, 512), torch.randn(192, 512), torch.randn(512, 192)
def step():
    x = torch.randn(8, 96, 192)
    for _ in range(8):
        x = x + torch.nn.functional.silu(x @ up) * (x @ gate) @ down / 512
def given():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    step()
before = given()
for _ in range(10):
    step()
print(given() - before)
"""


def faults(how: str) -> str:
    """Pages that the system has to give for ten steps of blocks as tiny has them, eight rows."""
    command = [sys.executable, "-c", FAULTS, how]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="a matter of glibc")
def test_steps_reuse_the_memory_that_steps_before_them_freed() -> None:
    kept = faults("kept")
    if kept == "none":
        pytest.skip("the C library here is not glibc")
    assert int(kept) < int(faults("usual")) / 10
