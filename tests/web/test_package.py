"""What a person gets who installs the wheel on a machine without Node."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Request

import limner
from tests.e2e.processes import serving
from tests.web.visiting import Visit

ROOT = Path(__file__).parents[2]
WEB = Path(limner.__file__).parent / "web"
MOST_BYTES = 60 * 1024
"""Packed, of all that a browser fetches to begin with; what is rarely wanted comes later."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is in the wheel, and nothing else of this tree."""
    folder = tmp_path_factory.mktemp("w")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_the_wheel_has_every_file_of_the_page(installed: Path) -> None:
    assert files(installed / "limner/web").keys() == files(WEB).keys()
    assert Path("index.html") in files(WEB)


async def test_what_is_fetched_to_begin_with_is_small(visit: Visit, tmp_path: Path) -> None:
    with serving(tmp_path, "--image-backend", "none") as server:
        page = await visit(server=server)
        fetched: list[Request] = []
        page.on("requestfinished", lambda request: fetched.append(request))
        session = await page.context.new_cdp_session(page)
        await session.send("Network.clearBrowserCache")
        await page.reload(wait_until="networkidle")
        ours = [each for each in fetched if each.resource_type != "fetch" or "/web/" in each.url]
        sizes = {each.url: (await each.sizes())["responseBodySize"] for each in ours}
    assert len(sizes) > 40
    assert MOST_BYTES / 2 < sum(sizes.values()) < MOST_BYTES, sizes


def test_the_page_is_served_from_the_wheel_without_node(installed: Path, tmp_path: Path) -> None:
    with (installed / "limner/web/index.html").open("a") as page:
        page.write("<!-- of the wheel -->")
    variables = {"PYTHONPATH": str(installed), "PATH": "/nowhere"}
    with serving(tmp_path, "--image-backend", "none", **variables) as server:
        assert httpx.get(server.url).text.endswith("<!-- of the wheel -->")
        for name in files(WEB):
            if name.suffix != ".md":
                assert httpx.get(f"{server.url}/web/{name}").status_code == 200, name
