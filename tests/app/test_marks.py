"""What the settings want pictures to say of themselves as they leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.app.marks import finish_of, finished
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.image import ImageCompleted, ImageData, ImageRequest
from limner.wire.picture_metadata import is_signed, read, says_made_by_ai
from tests.images.test_signed import identity
from tests.scripted_images import ScriptedImages, done


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A chain of certificates and its key."""
    paths = tmp_path / "chain.pem", tmp_path / "key.pem"
    for path, content in zip(paths, identity(), strict=True):
        path.write_bytes(content)
    return paths


async def painted(settings: Settings) -> ImageData:
    backend = finished(ScriptedImages(done()), finish_of(settings))
    (event,) = [event async for event in backend.generate(ImageRequest("a fox"))]
    assert isinstance(event, ImageCompleted)
    return event.image


async def test_files_tell_all_the_mark_or_nothing() -> None:
    full = await painted(Settings())
    facts = read(full)
    assert facts is not None
    assert (facts.prompt, says_made_by_ai(full)) == ("a fox", True)
    mark = await painted(Settings(picture_metadata="mark"))
    assert (read(mark), says_made_by_ai(mark)) == (None, True)
    off = await painted(Settings(picture_metadata="off"))
    assert (read(off), says_made_by_ai(off)) == (None, False)


@pytest.mark.parametrize("says", ["full", "mark", "off"])
async def test_with_a_certificate_pictures_are_signed_last(
    files: tuple[Path, Path], says: str
) -> None:
    chain, key = files
    settings = Settings(picture_metadata=says, c2pa_certificate=chain, c2pa_key=key)  # type: ignore[arg-type]
    image = await painted(settings)
    assert is_signed(image)
    assert (read(image) is not None) is (says == "full")


def test_one_without_the_other_is_refused(files: tuple[Path, Path]) -> None:
    chain, key = files
    for settings in (Settings(c2pa_certificate=chain), Settings(c2pa_key=key)):
        with pytest.raises(ConfigError, match="need each other"):
            finish_of(settings)


def test_files_that_cannot_sign_are_found_at_start(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    chain, key = files
    other = tmp_path / "other.pem"
    other.write_bytes(identity()[1])
    for settings, said in (
        (Settings(c2pa_certificate=chain, c2pa_key=tmp_path / "none.pem"), "none.pem cannot be"),
        (Settings(c2pa_certificate=key, c2pa_key=key), "cannot sign"),
        (Settings(c2pa_certificate=chain, c2pa_key=other), "cannot sign"),
    ):
        with pytest.raises(ConfigError, match=said):
            finish_of(settings)
