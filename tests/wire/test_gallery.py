"""Pictures of stored responses, as read from what is kept, asked for, and listed."""

from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.gallery import EVERY, KeptPicture, PictureFilter
from limner.core.image import Size
from limner.core.page import Listed, Page
from limner.wire import json
from limner.wire.gallery import (
    Showing,
    deleted_json,
    gallery_json,
    kept_picture,
    no_such_picture,
    parse_star,
    read_gallery_page,
    read_showing,
)
from limner.wire.kept import digest_of, keep
from limner.wire.pictures import to_base64
from tests.pictures import picture

PNG = picture()
DIGEST = digest_of(PNG.content)


def kept(**said: object) -> bytes:
    item = {"type": "image_generation_call", "id": "ig_1", "result": to_base64(PNG), **said}
    return keep(json.dump(item), [PNG.content])


def test_a_kept_picture_is_known_by_its_digest() -> None:
    text = kept(output_format="webp", size="8x8", revised_prompt="a fox", limner={"seed": 7})
    assert kept_picture("ig_1", "resp_1", 5.5, text) == KeptPicture(
        "ig_1", "resp_1", 5.5, DIGEST, "webp", Size(8, 8), "a fox", 7
    )


@pytest.mark.parametrize(
    "said",
    [{}, {"output_format": "../etc", "size": "auto", "limner": {"seed": 2**63}}, {"size": None}],
)
def test_what_an_item_does_not_say_is_not_known(said: dict[str, object]) -> None:
    found = kept_picture("ig_1", "resp_1", 5.5, kept(**said))
    assert found == KeptPicture("ig_1", "resp_1", 5.5, DIGEST, "png")


def test_a_failed_picture_is_none() -> None:
    assert kept_picture("ig_1", "resp_1", 5.5, b'{"status":"failed"}') is None


def test_the_list_says_what_each_picture_is_and_where() -> None:
    entry = KeptPicture("ig_1", "resp_1", 5.5, DIGEST, "png", Size(8, 6), "a fox", 7, starred=True)
    listed = gallery_json(Listed([entry], has_more=False))
    assert listed["data"] == [
        {
            "id": "ig_1",
            "object": "image",
            "response_id": "resp_1",
            "created_at": 5,
            "size": "8x6",
            "format": "png",
            "prompt": "a fox",
            "seed": 7,
            "starred": True,
            "url": "/v1/images/ig_1",
        }
    ]
    assert (listed["first_id"], listed["has_more"]) == ("ig_1", False)
    bare = gallery_json(Listed([KeptPicture("ig_1", "r", 5, "d", "png")], has_more=False))
    assert bare["data"][0]["size"] is None
    assert no_such_picture("ig_1").status == 404
    assert deleted_json("ig_1") == {"id": "ig_1", "object": "image.deleted", "deleted": True}


def test_a_query_says_which_pictures_are_wanted() -> None:
    query = {"q": "Fox", "starred": "true", "ratio": "portrait", "since": "5", "before": "9"}
    page, wanted = read_gallery_page({**query, "limit": "7", "after": "ig_1"}.items())
    assert page == Page(7, "ig_1")
    assert wanted == PictureFilter("Fox", True, "portrait", 5, 9)
    for empty in ({}, {"q": "", "starred": "false"}, {"starred": "0"}):
        assert read_gallery_page(empty.items()) == (Page(20), EVERY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "x" * 201),
        ("starred", "yes"),
        ("ratio", "16:9"),
        ("since", "yesterday"),
        ("before", "-1"),
        ("width", "320"),
        ("limit", "0"),
    ],
)
def test_what_a_list_does_not_know_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_gallery_page([(name, value)])
    assert refusal.value.param == name


@pytest.mark.parametrize(
    ("asked", "width"), [(64, 160), (160, 160), (161, 320), (320, 320), (641, 1024), (1024, 1024)]
)
def test_a_width_is_rounded_up(asked: int, width: int) -> None:
    assert read_showing([("width", str(asked))]) == Showing(width=width)


def test_a_query_says_how_a_picture_is_wanted() -> None:
    assert read_showing([]) == Showing()
    query = {"format": "jpeg", "metadata": "none", "download": "1"}
    assert read_showing(query.items()) == Showing(None, "jpeg", metadata=False, download=True)
    small = {"width": "99", "download": "true"}
    assert read_showing(small.items()) == Showing(160, download=True)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"width": "63"}, "width"),
        ({"width": "1025"}, "width"),
        ({"width": "large"}, "width"),
        ({"width": "320", "format": "png"}, "width"),
        ({"width": "320", "metadata": "none"}, "width"),
        ({"format": "gif"}, "format"),
        ({"metadata": "all"}, "metadata"),
        ({"download": "please"}, "download"),
        ({"height": "320"}, "height"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(query: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_showing(query.items())
    assert refusal.value.param == param


def test_a_star_is_all_that_can_be_changed() -> None:
    assert parse_star({"starred": True}) is True
    assert parse_star({"starred": False}) is False
    for body in ({}, {"starred": None}, {"starred": 1}, {"starred": True, "prompt": "x"}):
        with pytest.raises(InvalidRequest):
            parse_star(body)
