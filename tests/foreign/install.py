"""Puts the servers of others where the tests look for them: `python -m tests.foreign.install`.

Each has a folder of its own under `.cache/foreign`, since what LiteLLM pins would fight with what
we need. `transformers serve` comes with the extra `engine`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from limner.app.vocabulary import FILE

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".cache" / "foreign"

LITELLM = ROOT / "litellm" / "bin" / "litellm"
LITELLM_PINS = HERE / "litellm.txt"
NPM_MANIFEST = (HERE / "npm" / "package.json", HERE / "npm" / "package-lock.json")
MODULES = ROOT / "npm" / "node_modules"
AIMOCK = MODULES / "@copilotkit" / "aimock" / "dist" / "cli.js"
RANKS = MODULES / "js-tiktoken" / "dist" / "ranks" / "o200k_base.cjs"
VOCABULARY = ROOT / "harmony" / FILE
HOW = "`make test-foreign` installs it"


def install_litellm() -> None:
    """Raises CalledProcessError where pip cannot."""
    folder = LITELLM.parents[1]
    python = folder / "bin" / "python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "--requirement", str(LITELLM_PINS)], check=True)


def install_modules() -> None:
    """aimock, and the vocabulary of gpt-oss. Raises CalledProcessError where npm cannot."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: aimock and the vocabulary are left out", file=sys.stderr)
        return
    folder = MODULES.parent
    folder.mkdir(parents=True, exist_ok=True)
    for file in NPM_MANIFEST:
        shutil.copy(file, folder)
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
    VOCABULARY.parent.mkdir(exist_ok=True)
    VOCABULARY.write_text(vocabulary(RANKS.read_text(encoding="utf-8")), encoding="ascii")


def vocabulary(module: str) -> str:
    """The file that openai-harmony reads, a token in base64 and its rank on each line.

    module: js-tiktoken's, whose lines are `! <first rank> <token> <token> ...`.
    """
    ranks: str = json.loads(module[module.index("{") : module.rindex("}") + 1])["bpe_ranks"]
    lines = []
    for line in ranks.split("\n"):
        _, first, *tokens = line.split(" ")
        lines += [f"{token} {rank}\n" for rank, token in enumerate(tokens, int(first))]
    return "".join(lines)


if __name__ == "__main__":
    install_litellm()
    install_modules()
