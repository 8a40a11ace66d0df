"""Steps of the schema: each once, whole or not at all, and never backwards."""

from __future__ import annotations

import re

import pytest

from limner.core.errors import ConfigError
from limner.store import migrate
from limner.store.migrate import Migration, check_current, migrations, pending, upgrade
from limner.store.session import Dialect, SessionDatabase

KINDS: tuple[Dialect, Dialect] = ("sqlite", "postgres")


async def test_an_upgrade_applies_every_step_once(bare_database: SessionDatabase) -> None:
    steps = migrations(bare_database.dialect)
    with pytest.raises(ConfigError, match=r"lacks 0001_pictures.*limner db upgrade"):
        await check_current(bare_database)
    assert await upgrade(bare_database) == steps
    assert await upgrade(bare_database) == []
    await check_current(bare_database)


async def test_a_newer_schema_is_refused(database: SessionDatabase) -> None:
    await database.write(lambda tx: tx.run("INSERT INTO schema_version VALUES (9999, 'later')"))
    for refuse in (pending, upgrade, check_current):
        with pytest.raises(ConfigError, match="has schema 9999, and this version"):
            await refuse(database)


async def test_a_step_that_fails_leaves_what_the_step_before_it_made(
    bare_database: SessionDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        Migration(1, "good", "CREATE TABLE good (name TEXT); CREATE TABLE fine (name TEXT);"),
        Migration(2, "bad", "CREATE TABLE half (name TEXT); CREATE TABLE good (name TEXT);"),
    ]
    monkeypatch.setattr(migrate, "migrations", lambda dialect: steps)
    with pytest.raises(Exception, match=r"good.* already exists"):
        await upgrade(bare_database)
    assert await bare_database.read("SELECT * FROM fine") == []
    with pytest.raises(Exception, match="half"):
        await bare_database.read("SELECT * FROM half")
    assert [step.name for step in await pending(bare_database)] == ["bad"]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_numbered_once_and_written_for_their_database(kind: Dialect) -> None:
    steps = migrations(kind)
    numbers = [step.number for step in steps]
    assert numbers == sorted(set(numbers))
    foreign = r"\bBYTEA\b|plpgsql" if kind == "sqlite" else r"\bBLOB\b|RAISE\("
    assert not [step.name for step in steps if re.search(foreign, step.sql)]


def test_both_databases_know_the_same_steps() -> None:
    names = [[(step.number, step.name) for step in migrations(kind)] for kind in KINDS]
    assert names[0] == names[1]
