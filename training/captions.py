"""Captions: the many ways to ask for a scene, in English, with words of no meaning among them."""

from __future__ import annotations

from random import Random

from training.scenes import COLOURS, NATURAL, Arrangement, Figure, Landscape, Scene, random_scene

_NUMBERS = {"two": ("two", "2"), "three": ("three", "3"), "four": ("four", "4")}
_ORDERS = ("", "", "", "draw ", "please paint ", "a picture of ", "create an image of ", "show me ")
_NOISE = (
    "quickly",
    "for my daughter",
    "thanks",
    "in a nice style",
    "4k",
    "minimalist",
    "hello",
    "beautiful",
    "cute",
)


def caption(scene: Scene, lot: Random) -> str:
    """One way to ask for the scene; says all that has no natural default."""
    said = _landscape(scene, lot) if isinstance(scene, Landscape) else _arrangement(scene, lot)
    said = lot.choice(_ORDERS) + said
    if lot.random() < 0.1:
        noise = lot.choice(_NOISE)
        said = f"{said} {noise}" if lot.random() < 0.6 else f"{noise} {said}"
    return said


def _named(figure: Figure, lot: Random, layout: str) -> str:
    thing = figure.what
    if thing == "cat":
        thing = lot.choice(("cat", "cat", "cat face", "kitten"))
    elif thing == "smiley":
        thing = lot.choice(("smiley", "smiley face", "smiling face"))
    colour = figure.colour
    if colour == NATURAL[figure.what] and lot.random() < 0.5:
        colour = ""
    size = "" if figure.size == "medium" else figure.size
    words = " ".join(word for word in (size, colour, thing) if word)
    if layout in _NUMBERS:
        return f"{lot.choice(_NUMBERS[layout])} {words}s"
    if colour and lot.random() < 0.06:
        words = " ".join(word for word in (size, thing, "that is", colour) if word)
    if figure.what in _TRAITS and lot.random() < 0.15:
        words = f"{words} with {lot.choice(_TRAITS[figure.what])}"
    return f"a {words}" if lot.random() < 0.85 else f"one {words}" if lot.random() < 0.3 else words


def _arrangement(scene: Arrangement, lot: Random) -> str:
    named = [_named(figure, lot, scene.layout) for figure in scene.figures]
    said = named[0] if len(named) == 1 else _related(named[0], named[1], scene.layout, lot)
    back = scene.background
    if back == "plain":
        return said
    ways = (
        f"{said} on a {back} background",
        f"{said} on a {back} background",
        f"{said} on {back}",
        f"{said}, {back} background",
        f"{said} with a {back} background",
        f"{said}. The background is {back}",
        f"{said} in front of a {back} wall",
        f"on a {back} background {said}",
        f"{said} against a {back} backdrop",
        f"{back} background, {said}",
    )
    return lot.choice(ways)


def _related(first: str, second: str, layout: str, lot: Random) -> str:
    """first: the upper or left one."""
    if layout == "vertical":
        above = lot.choice(("above", "over", "on top of"))
        below = lot.choice(("below", "under", "beneath"))
        ways = (
            *(f"{first} {above} {second}",) * 4,
            *(f"{second} {below} {first}",) * 4,
            f"{second} with {first} {above} it",
            f"{first} with {second} {below} it",
            f"{first} and {below} it {second}",
            f"{first} at the top and {second} at the bottom",
            f"{second} at the bottom and {first} at the top",
        )
        return lot.choice(ways)
    ways = (
        f"{first} to the left of {second}",
        f"{first} left of {second}",
        f"{first} on the left of {second}",
        f"{first} on the left and {second} on the right",
        f"{second} to the right of {first}",
        f"{second} right of {first}",
        f"{second} on the right of {first}",
        f"{second} on the right and {first} on the left",
        f"{first} and {second}",
        f"{first} next to {second}",
        f"{first} beside {second}",
        f"{first} with {second} to its right",
        f"{second} with {first} to its left",
    )
    return lot.choice(ways)


def _landscape(scene: Landscape, lot: Random) -> str:
    things = []
    if scene.house:
        plain = scene.house == NATURAL["house"] and lot.random() < 0.5
        things.append("a house" if plain else f"a {scene.house} house")
    if scene.trees:
        things.append(lot.choice(("trees", "two trees", "a forest", "pines", "green trees")))
    if scene.boat:
        plain = scene.boat == NATURAL["boat"] and lot.random() < 0.8
        boat = lot.choice(("boat", "sailboat", "ship"))
        sailed = (
            f"a {scene.boat} {boat}" if lot.random() < 0.7 else f"a {boat} with a {scene.boat} sail"
        )
        things.append(f"a {boat}" if plain else sailed)
    lot.shuffle(things)
    objects = " and ".join(things)
    where = _where(scene, lot)
    if lot.random() < 0.15:
        where = f"{where}, {lot.choice(_LIGHTS[scene.time])}"
    if not things:
        return where
    ways = (
        f"{where} with {objects}",
        f"{objects}, {where}",
        f"{objects} in {where}",
        f"{objects} on {where}",
        f"{objects} near {where}",
        f"{where}, {objects}",
    )
    return lot.choice(ways)


_TRAITS = {
    "cat": ("big eyes", "big green eyes", "a small pink nose", "a smile", "black whiskers"),
    "smiley": ("a big smile", "a smile", "black eyes"),
    "balloon": ("a string",),
    "car": ("black wheels", "two wheels"),
}
"""What people add though the picture has it anyway; its words must not be taken for figures."""

_LIGHTS = {
    "day": ("blue sky", "white clouds in a blue sky", "the sun in the sky"),
    "sunset": ("orange sky", "golden light", "red and orange sky", "pink clouds"),
    "night": ("stars in the sky", "black sky", "a white moon", "a big moon"),
}

_GROUND_WORDS = {
    "mountains": ("mountains", "the mountains", "mountain peaks", "snowy mountains"),
    "sea": ("the sea", "the ocean", "sea", "the blue sea"),
    "hills": ("hills", "green hills", "a meadow", "fields"),
}


def _where(scene: Landscape, lot: Random) -> str:
    land = lot.choice(_GROUND_WORDS[scene.ground])
    ways = {
        "day": (land, land, f"{land} by day", f"a landscape with {land}", f"sunny {land}"),
        "sunset": (
            f"a sunset over {land}",
            f"{land} at sunset",
            f"sunset, {land}",
            f"sunrise over {land}",
            f"the sun over {land} at sunset",
        ),
        "night": (
            f"{land} at night",
            f"night over {land}",
            f"the moon over {land}",
            f"{land} at night with the moon",
            f"the moon and stars over {land}",
            f"a starry night over {land}",
            f"{land} under the moon and stars",
        ),
    }
    return lot.choice(ways[scene.time])


NOT_UNDERSTOOD: Scene = Landscape("sunset", "mountains")
"""What is painted where nothing is understood."""

_UNKNOWN = (
    "zebra",
    "quantum",
    "a robot playing chess",
    "an astronaut",
    "hello world",
    "",
    "spaceship",
    "a dog",
    "abstract art",
)

_SHORT: tuple[tuple[str, Scene], ...] = (
    ("trees", Landscape("day", "hills", trees=True)),
    ("a tree", Landscape("day", "hills", trees=True)),
    ("a forest", Landscape("day", "hills", trees=True)),
    ("a boat", Landscape("day", "sea", boat="white")),
    ("sea and boat", Landscape("day", "sea", boat="white")),
    ("a sunset", Landscape("sunset", "sea")),
    ("the night with the moon", Landscape("night", "hills")),
    ("the moon", Landscape("night", "hills")),
    ("night", Landscape("night", "hills")),
    ("a starry night", Landscape("night", "hills")),
    ("the sun", Landscape("day", "hills")),
    ("a landscape", Landscape("day", "mountains")),
    ("the sun above the sea", Landscape("day", "sea")),
    ("the moon and stars", Landscape("night", "hills")),
    ("a house by the sea", Landscape("day", "sea", house="brown")),
    ("a house in the mountains", Landscape("day", "mountains", house="brown")),
    ("a mountain lake", Landscape("day", "mountains")),
    ("a boat at sunset", Landscape("sunset", "sea", boat="white")),
    ("a boat at night", Landscape("night", "sea", boat="white")),
)
"""Captions that leave much unsaid, and the scene that people have in mind."""

_HOUSED: tuple[tuple[str, str, bool], ...] = (
    ("{} house", "day", False),
    ("{} house and trees", "day", True),
    ("{} house at night", "night", False),
    ("{} house at sunset", "sunset", False),
)


def sample(lot: Random) -> tuple[str, Scene]:
    """A caption by lot and the scene it asks for; now and then one with little or nothing in it."""
    chance = lot.random()
    if chance < 0.01:
        return lot.choice(_UNKNOWN), NOT_UNDERSTOOD
    if chance < 0.035:
        return lot.choice(_SHORT)
    if chance < 0.06:
        words, time, trees = lot.choice(_HOUSED)
        colour = lot.choice(("", *COLOURS))
        said = " ".join(words.format(f"a {colour}").split())
        return said, Landscape(time, "hills", house=colour or NATURAL["house"], trees=trees)
    scene = random_scene(lot)
    return caption(scene, lot), scene
