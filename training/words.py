r"""The words that tiny understands, each with the spellings that mean it, English and Russian.

A spelling is a regular expression over lower-case text, matched as a whole word. The tokenizer
replaces every spelling by its word before anything is learnt, so that a rare form costs nothing.
`\w*` takes the endings of Russian words.
"""

from __future__ import annotations

COLOUR_WORDS = {
    "red": r"crimson|scarlet|cherry|красн\w*|ал(?:ый|ая|ое|ого|ой)",
    "blue": r"navy|azure|cobalt|син\w*|голуб\w*",
    "green": r"emerald|lime|зел[её]н\w*",
    "yellow": r"golden|gold|lemon|ж[её]лт\w*",
    "orange": r"оранжев\w*|рыж\w*",
    "purple": r"violet|lilac|фиолетов\w*|пурпурн\w*|лилов\w*|сиренев\w*",
    "pink": r"rose|magenta|розов\w*",
    "brown": r"chocolate|коричнев\w*|бур(?:ый|ая|ое|ого)",
    "black": r"ч[её]рн\w*",
    "white": r"snowy|бел(?:ый|ая|ое|ые|ого|ой|ом|ым|ую|ых|ыми)",
    "gray": r"grey|silver|сер(?:ый|ая|ое|ые|ого|ой|ом|ым|ую|ых|ыми)",
    "teal": r"turquoise|cyan|aqua|бирюзов\w*",
}
THING_WORDS = {
    "circle": r"circles|discs?|disks?|dots?|balls?|round|круг\w*|кружо?к\w*|шар(?!ик)\w*|мяч\w*",
    "square": r"squares|box|boxes|block|blocks|cube|cubes|квадрат\w*|куб(?:ик)?\w*",
    "triangle": r"triangles|треугольник\w*",
    "star": r"stars|зв[её]зд(?:а|у|ы|ой|е|очк\w*)?",
    "heart": r"hearts|сердц\w*|сердечк\w*|сердец",
    "diamond": r"diamonds|rhombus|rhombuses|ромб\w*",
    "hexagon": r"hexagons|шестиугольник\w*",
    "ring": r"rings|donut|donuts|doughnut|doughnuts|hoop|hoops|кольц\w*|колец|бублик\w*",
    "car": r"cars|auto|automobile|vehicle|taxi|машин\w*|автомобил\w*",
    "balloon": r"balloons|шарик\w*",
    "cat": r"cats|kitten|kitty|kittens|feline|кот(?:а|у|ом|е|ы|ик\w*|[её]н\w*)?|кошк\w*|кошеч\w*",
    "smiley": r"smile|smileys|smiling|smilie|emoji|emoticon|смайл\w*|улыб\w*",
    "house": r"houses|home|cottage|hut|cabin|farmhouse|дом(?:а|у|ом|е|ик\w*)?|избушк\w*",
    "tree": r"trees|pine|pines|fir|firs|forest|woods|дерев\w*|[её]лк\w*|сосн\w*|лес\w*",
    "boat": r"boats|ship|ships|sailboat|sailboats|yacht|yachts|лодк\w*|кораб\w*|парусник\w*|яхт\w*",
    "moon": r"moonlit|moonlight|лун\w*",
    "sun": r"sunny|sunshine|солнц\w*|солнечн\w*",
    "mountain": r"mountains|peak|peaks|alps|горы|гор|гора|гору|горе|горой|горами|горах|горн\w*",
    "sea": r"ocean|lake|water|beach|waves|мор(?:е|я|ю|ем|ск\w*)|океан\w*|озер\w*",
    "hill": r"hills|meadow|fields?|valley|grass|countryside|lawn|холм\w*|пол(?:е|я|ю|ем)|луг\w*",
    "sunset": r"sunrise|dusk|dawn|twilight|закат\w*|рассвет\w*|сумерк\w*",
    "night": r"nighttime|midnight|starry|ноч\w*|звездн\w*",
    "day": r"daytime|daylight|noon|morning|afternoon|дн[её]м|день|полдень|утр\w*",
    "landscape": r"scenery|view|landscapes|scene|пейзаж\w*|вид",
    "face": r"faces|head|portrait|лиц\w*|морд\w*|мордочк\w*|голов\w*",
}
OTHER_WORDS = {
    "small": r"tiny|little|mini|маленьк\w*|крошечн\w*|небольш\w*",
    "big": r"large|huge|giant|great|больш\w*|огромн\w*|крупн\w*",
    "one": r"single|one|1|один|одна|одно|одну",
    "two": r"2|pair|couple|два|две|двух|двое|пара",
    "three": r"3|три|тр[её]х|трое",
    "four": r"4|четыре|четыр[её]х|четверо",
    "above": r"over|atop|ontop|top|upper|над|поверх|сверху|выше",
    "below": r"under|beneath|underneath|bottom|lower|под|снизу|ниже",
    "left": r"слева|левее|лев\w*",
    "right": r"справа|правее|прав\w*",
    "beside": r"next|near|by|alongside|рядом|возле|около|у",
    "on": r"in front of|against|upon|на|in|inside|at|before|в|во|из",
    "and": r"plus|и",
    "background": r"backdrop|backgrounds|canvas|wall|фон\w*|заднем плане",
    "with": r"has|having|с|со",
}
SAID_FOR_NOTHING = (
    r"an?|the|of|to|is|it|its|there|are|some|me|please|draw|drawn|paint|painting|painted|picture|image|photo"
    r"|drawing|illustration|generate|create|make|show|sketch|render|colou?red|colou?rs?|shapes?|shaped"
    r"|нарисуй\w*|изобрази\w*|создай\w*|сгенерируй\w*|покажи|картинк\w*|рисун\w*|изображени\w*|пожалуйста|мне"
    r"|цвета|цвет|который|которая"
)
"""Words dropped before the model sees anything."""

MEANINGS: dict[str, str] = COLOUR_WORDS | THING_WORDS | OTHER_WORDS
