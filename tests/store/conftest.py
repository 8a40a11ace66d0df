"""The store's parts, on both databases."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from limner.store.blobs import Blobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.postgres import open_postgres
from limner.store.session import Dialect, SessionDatabase
from limner.store.sqlite import open_sqlite

_PLACES = os.pathsep.join(
    (
        os.environ.get("PATH", ""),
        *(str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))),
        "/usr/local/bin",
    )
)


class PostgresServer:
    """A PostgreSQL server of our own on a socket in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://limner@/postgres?host={self._folder}"

    def prepare(self) -> None:
        self._call("initdb", "-D", str(self._data), "-U", "limner", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._call("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=_PLACES)
        assert path, program
        user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        subprocess.run(
            [path, *arguments],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,  # type: ignore[call-overload]
        )


def _why_no_postgres() -> str | None:
    for program in ("initdb", "pg_ctl", "postgres"):
        if not shutil.which(program, path=_PLACES):
            return f"there is no PostgreSQL here: {program} was not found"
    if os.getuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL refuses to run as root, and there is no user `postgres`"
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests; each starts with an empty schema (`postgres_url`)."""
    if why := _why_no_postgres():
        pytest.skip(why)
    # A socket's path must be short, and its folder open to the server's user.
    folder = Path(tempfile.mkdtemp(prefix="limner-pg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = PostgresServer(folder)
    try:
        server.prepare()
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    import psycopg

    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_server.url


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    kind: Dialect = request.param
    return kind


@pytest.fixture
async def bare_database(
    dialect: Dialect, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[SessionDatabase]:
    """An open database without any table."""
    if dialect == "sqlite":
        opening = open_sqlite(tmp_path / "limner.sqlite")
    else:
        opening = open_postgres(request.getfixturevalue("postgres_url"))
    async with opening as database:
        yield database


@pytest.fixture
async def database(bare_database: SessionDatabase) -> SessionDatabase:
    """An open database with its present schema, empty."""
    await upgrade(bare_database)
    return bare_database


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def texts(blobs: Blobs) -> Texts:
    return Texts(blobs)
