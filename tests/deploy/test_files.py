"""What can be seen of the compose file, the Dockerfile and the unit without Docker or systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from limner.config import TABLE

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KNOWN = {entry.variable for entry in TABLE} | {
    entry.option.older for entry in TABLE if entry.option.older
}


@pytest.mark.parametrize(
    ("service", "profile"),
    [
        ("server", "cpu"),
        ("server-cuda", "cuda"),
        ("server-rocm", "rocm"),
        ("image-service", "image-gen"),
    ],
)
def test_each_profile_starts_one_service(service: str, profile: str) -> None:
    assert COMPOSE["services"][service]["profiles"] == [profile]


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_services_are_told_only_what_is_a_setting(service: str) -> None:
    assert set(COMPOSE["services"][service]["environment"]) <= KNOWN


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_services_listen_on_this_machine_alone_unless_told_otherwise(service: str) -> None:
    environment = COMPOSE["services"][service]["environment"]
    host = environment.get("IMAGE_GEN_HOST") or environment["LIMNER_HOST"]
    assert re.fullmatch(r"\$\{\w+:-127\.0\.0\.1\}", host)
    assert COMPOSE["services"][service]["network_mode"] == "host"


def test_models_are_kept_in_the_volume_that_the_older_service_used() -> None:
    assert COMPOSE["volumes"]["image-gen-cache"]["name"] == "image-gen-cache"
    assert "image-gen-cache:/cache" in COMPOSE["services"]["image-service"]["volumes"]


def test_the_image_copies_what_there_is_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert all((DEPLOY.parent / path).exists() for path in copied)
    assert "USER 2000:0" in lines


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed")
    subprocess.run([linter, str(DEPLOY / "Dockerfile")], check=True)


def test_the_unit_is_sound_by_systemd(tmp_path: Path) -> None:
    checker = shutil.which("systemd-analyze")
    if checker is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "limner.service").read_text()
    here = tmp_path / "limner.service"
    here.write_text(unit.replace("/opt/limner/bin/limner", "/bin/true"))
    checked = subprocess.run([checker, "verify", str(here)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
