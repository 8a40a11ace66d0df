"""Where pictures hang in the gallery, which of them are shown, and what they are zipped into."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LIB = Path(__file__).parents[2] / "src/limner/web/lib"
ROOM, WANTED, GAP = 800, 250, 6

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")


def run(module: str, code: str, about: Any) -> Any:
    """The value of `code`, a JavaScript expression over `given` and the module's names in `m`."""
    script = f"""
    import {{ readFileSync }} from "node:fs";
    import * as m from "{(LIB / module).as_uri()}";
    const given = JSON.parse(readFileSync(0));
    console.log(JSON.stringify(await ({code})));
    """
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(
        command, input=json.dumps(about), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def hung(sizes: list[str | None]) -> dict[str, Any]:
    code = f"m.wall(given.map((size) => ({{ size }})), {ROOM}, {WANTED}, {GAP})"
    wall: dict[str, Any] = run("wall.js", code, sizes)
    return wall


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from(["512x512", "1280x704", "64x2048"])), max_size=40)
)
def test_rows_fill_the_room_and_none_overlaps_the_next(sizes: list[str | None]) -> None:
    wall = hung(sizes)
    rows: dict[float, list[dict[str, float]]] = {}
    for place in wall["places"]:
        rows.setdefault(place["y"], []).append(place)
    bottom = -float(GAP)
    for y, row in sorted(rows.items()):
        assert y == pytest.approx(bottom + GAP)
        bottom = y + row[0]["height"]
        assert row[-1]["x"] + row[-1]["width"] <= ROOM + 0.01
        assert 0 < row[0]["height"] <= WANTED
    for row in list(rows.values())[:-1]:
        assert row[-1]["x"] + row[-1]["width"] == pytest.approx(ROOM)
    assert len(wall["places"]) == len(sizes)
    assert wall["height"] == pytest.approx(max(bottom, 0))


def test_a_window_shows_the_rows_that_reach_into_it() -> None:
    places = hung(["512x512"] * 40)["places"]
    row = next(at for at, place in enumerate(places) if place["y"] > 0)
    top, bottom = places[row]["y"] + 1, places[2 * row]["y"] + 1
    shown = run("wall.js", f"m.inSight(given, {top}, {bottom})", places)
    assert shown == [row, 3 * row]
    assert run("wall.js", "m.inSight(given, -900, -100)", places) == [0, 0]
    assert run("wall.js", "m.inSight([], 0, 800)", []) == [0, 0]


def test_up_and_down_lead_to_the_picture_nearest_in_the_next_row() -> None:
    places = hung(["512x512"] * 10)["places"]
    row = next(at for at, place in enumerate(places) if place["y"] > 0)
    steps = [(0, 1), (row - 1, 1), (row, -1), (0, -1), (9, 1)]
    led = run(
        "wall.js", "given[1].map(([at, step]) => m.neighbour(given[0], at, step))", [places, steps]
    )
    assert led == [row, 2 * row - 1, 0, 0, 9]


def test_a_zip_holds_every_file_under_a_name_of_its_own() -> None:
    files = [
        ("a fox.png", b"one"),
        ("a fox.png", b"two"),
        ("лиса.webp", b""),
        ("no suffix", b"\0" * 70_000),
    ]
    code = """m.zip(given.map(([name, text]) => ({ name, bytes: Buffer.from(text, "base64") })))
      .arrayBuffer().then((buffer) => Buffer.from(buffer).toString("base64"))"""
    packed = run("zip.js", code, [(name, base64.b64encode(data).decode()) for name, data in files])
    with ZipFile(BytesIO(base64.b64decode(packed))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a fox.png": b"one",
            "a fox (2).png": b"two",
            "лиса.webp": b"",
            "no suffix": b"\0" * 70_000,
        }
