"""Puts the servers of others where the tests look for them: `python -m tests.foreign.install`.

Each has a folder of its own under `.cache/foreign`, since what LiteLLM pins would fight with what
we need. `transformers serve` comes with the extra `engine`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".cache" / "foreign"

LITELLM = ROOT / "litellm" / "bin" / "litellm"
LITELLM_PINS = HERE / "litellm.txt"
AIMOCK = ROOT / "aimock" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
AIMOCK_MANIFEST = (HERE / "aimock" / "package.json", HERE / "aimock" / "package-lock.json")
HOW = "`make test-foreign` installs it"


def install_litellm() -> None:
    """Raises CalledProcessError where pip cannot."""
    folder = LITELLM.parents[1]
    python = folder / "bin" / "python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "--requirement", str(LITELLM_PINS)], check=True)


def install_aimock() -> None:
    """Raises CalledProcessError where npm cannot."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: aimock is left out", file=sys.stderr)
        return
    folder = ROOT / "aimock"
    folder.mkdir(parents=True, exist_ok=True)
    for file in AIMOCK_MANIFEST:
        shutil.copy(file, folder)
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)


if __name__ == "__main__":
    install_litellm()
    install_aimock()
