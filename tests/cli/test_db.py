"""`limner db`: upgrades, checks, and what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw

from limner.store.migrate import migrations
from tests.e2e.processes import environment


def limner_db(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "limner", "db", *arguments],
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_upgrade_names_its_steps_and_the_next_has_none(tmp_path: Path) -> None:
    first = limner_db("upgrade", "--data", str(tmp_path))
    steps = [f"applied {step.number:04d}_{step.name}" for step in migrations("sqlite")]
    assert first.stdout.splitlines() == [*steps, "The schema is this version's."]
    assert limner_db("upgrade", "--data", str(tmp_path)).stdout == "The schema is this version's.\n"
    checked = limner_db("check", "--data", str(tmp_path))
    assert (checked.returncode, checked.stdout) == (0, "The database is whole.\n")


def test_a_picture_that_is_gone_is_found(tmp_path: Path) -> None:
    limner_db("upgrade", "--data", str(tmp_path))
    connection = apsw.Connection(str(tmp_path / "limner.sqlite"))
    connection.execute("INSERT INTO pictures (digest, holder) VALUES ('abcd', 'job')")
    connection.close()
    checked = limner_db("check", "--data", str(tmp_path))
    assert checked.returncode == 1
    assert checked.stderr == "limner: The picture abcd is not on the disk.\n"


def test_a_database_that_is_none_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "limner.sqlite"
    path.write_bytes(b"not a database, but the operator's only copy of something" * 20)
    before = path.read_bytes()
    for verb in ("check", "upgrade"):
        refused = limner_db(verb, "--data", str(tmp_path))
        assert refused.returncode == 2
        assert f"{path} is damaged or none" in refused.stderr
    assert path.read_bytes() == before


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    missing = limner_db("check", "--data", str(tmp_path))
    assert missing.returncode == 2
    assert "There is no database" in missing.stderr
    assert "nothing to check" in limner_db("check", "--store", "memory").stderr


def test_a_url_of_something_else_is_refused_without_repeating_it() -> None:
    refused = limner_db("check", LIMNER_DATABASE_URL="mysql://me:secret@host/db")
    assert refused.returncode == 2
    assert "LIMNER_DATABASE_URL must be a URL such as postgresql://user@host/name" in refused.stderr
    assert "secret" not in refused.stderr


def test_a_postgresql_that_is_not_there_is_named_without_its_password() -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    refused = limner_db("upgrade", LIMNER_DATABASE_URL=url)
    assert refused.returncode == 1
    assert "PostgreSQL cannot be reached" in refused.stderr
    assert "secret" not in refused.stderr
