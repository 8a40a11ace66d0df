"""The schema, in numbered files: each is applied once, in one transaction, and noted.

`sql/NNNN_name.sql` is written for both databases; where they must differ,
`sql/NNNN_name.postgres.sql` takes its place on PostgreSQL. Files say BYTEA, which SQLite calls
BLOB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from importlib import resources

from limner.core.errors import ConfigError
from limner.store.database import Transaction
from limner.store.session import Dialect, SessionDatabase

_FILE = re.compile(r"(\d{4})_(\w+)(\.postgres)?\.sql")
_NOTES = """CREATE TABLE IF NOT EXISTS schema_version (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. sql: its statements, for one dialect."""

    number: int
    name: str
    sql: str


def migrations(dialect: Dialect) -> list[Migration]:
    """All that this version knows, in their order."""
    found: dict[int, Migration] = {}
    for file in sorted(resources.files("limner.store.sql").iterdir(), key=lambda file: file.name):
        match = _FILE.fullmatch(file.name)
        if not match or (match[3] and dialect == "sqlite"):
            continue
        number = int(match[1])
        # ".postgres.sql" sorts before ".sql": the first that is found stays.
        if number not in found:
            found[number] = Migration(number, match[2], _written_for(dialect, file.read_text()))
    return list(found.values())


async def upgrade(database: SessionDatabase) -> list[Migration]:
    """Apply what is missing; returns it. Raises ConfigError for a schema newer than this version.

    A step that fails leaves the schema as the step before it made it.
    """
    await database.write(lambda transaction: transaction.run(_NOTES))
    missing = await pending(database)

    def apply(step: Migration, transaction: Transaction) -> bool:
        """Whether it was not another server that did it in the meantime."""
        noted = transaction.run(
            "INSERT INTO schema_version VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING number",
            step.number,
            step.name,
        )
        if noted:
            transaction.run(step.sql)
        return bool(noted)

    applied = []
    for step in missing:
        if await database.write(partial(apply, step)):
            applied.append(step)
    return applied


async def pending(database: SessionDatabase) -> list[Migration]:
    """The steps that the database has not seen; raises ConfigError for a newer schema."""
    known = migrations(database.dialect)
    seen = await _seen(database)
    if newer := seen - {step.number for step in known}:
        raise ConfigError(
            f"The database has schema {max(newer)}, and this version of Limner knows "
            f"{known[-1].number} at most. Run the version that made it, or a newer one."
        )
    return [step for step in known if step.number not in seen]


async def check_current(database: SessionDatabase) -> None:
    """Raise ConfigError unless the schema is this version's."""
    if missing := await pending(database):
        names = ", ".join(f"{step.number:04d}_{step.name}" for step in missing)
        raise ConfigError(
            f"The database lacks {names}. Run `limner db upgrade`, then start the server again."
        )


async def problems(database: SessionDatabase) -> list[str]:
    """What SQLite finds wrong with its file; PostgreSQL has its own tools for that."""
    if database.dialect == "postgres":
        return []
    whole = [str(row[0]) for row in await database.read("PRAGMA integrity_check")]
    loose = await database.read("PRAGMA foreign_key_check")
    return [
        *(found for found in whole if found != "ok"),
        *(f"A row of {row[0]!s} points nowhere" for row in loose),
    ]


async def _seen(database: SessionDatabase) -> set[int]:
    catalog = {
        "sqlite": "SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'",
        "postgres": "SELECT 1 WHERE to_regclass('schema_version') IS NOT NULL",
    }
    if not await database.read(catalog[database.dialect]):
        return set()
    return {int(row[0] or 0) for row in await database.read("SELECT number FROM schema_version")}


def _written_for(dialect: Dialect, sql: str) -> str:
    return re.sub(r"\bBYTEA\b", "BLOB", sql) if dialect == "sqlite" else sql
