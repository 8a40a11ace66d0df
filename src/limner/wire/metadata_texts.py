"""How a picture was made, in the words that files carry: for programs, for people, for the law.

- `facts_text`: a JSON object, which is ours and loses nothing;
- `parameters`: the text of AUTOMATIC1111's web UI, which other programs show and take up again;
- `xmp`: an XMP packet with IPTC's mark of pictures that a trained model made, which is what
  regulations such as the EU's AI Act, article 50, call machine-readable. It also holds the facts
  where a format has no other place for them.

Sources: ISO 16684-1 (XMP); IPTC Photo Metadata Standard, "Digital Source Type".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import quoteattr, unescape

from limner.core.lora import Lora
from limner.core.picture_facts import PictureFacts
from limner.wire import json
from limner.wire.loras import loras_json

MADE_BY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
NAMESPACE = "urn:limner:picture:"

_KINDS_OF_AI = b"lgorithmicMedia"
"""The end of each of IPTC's source types for pictures that models made, or had a hand in."""

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about=""'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{MADE_BY_AI}"'
    '%s/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_FACTS = re.compile(rb'\slimner:facts=("[^"]*"|\'[^\']*\')')
_NO_XML = re.compile("[\ufffe\uffff]")
_QUOTED = re.compile(r"[,:\n\"]")
_QUOTES = {"&quot;": '"', "&apos;": "'"}


def facts_text(facts: PictureFacts) -> str:
    """One line of JSON; what nobody said is left out."""
    known: dict[str, Any] = {
        "prompt": _whole(facts.prompt),
        "revised_prompt": facts.revised_prompt and _whole(facts.revised_prompt),
        "seed": facts.seed,
        "size": facts.size,
        "model": facts.model and _whole(facts.model),
        "steps": facts.steps,
        "guidance": facts.guidance,
        "strength": facts.strength,
        "loras": loras_json(facts.loras) or None,
        "action": facts.action,
        "version": facts.version,
        "created": None if facts.created_at is None else _time(facts.created_at),
    }
    said = {name: value for name, value in known.items() if value is not None}
    return json.dump(said).decode()


def read_facts(text: str | bytes) -> PictureFacts | None:
    """The facts of such a line; None for anything else. Values of a wrong type count as unsaid."""
    try:
        said = json.load(text)
        created = said.get("created")
        created_at = datetime.fromisoformat(created).timestamp() if created else None
    except (ValueError, AttributeError, TypeError):
        return None
    if not isinstance(prompt := said.get("prompt"), str):
        return None
    return PictureFacts(
        prompt,
        revised_prompt=_text(said.get("revised_prompt")),
        seed=_number(said.get("seed")),
        size=_text(said.get("size")),
        model=_text(said.get("model")),
        steps=_number(said.get("steps")),
        guidance=_fraction(said.get("guidance")),
        strength=_fraction(said.get("strength")),
        loras=_loras(said.get("loras")),
        action="edit" if said.get("action") == "edit" else "generate",
        version=_text(said.get("version")),
        created_at=None if created_at is None else int(created_at),
    )


def parameters(facts: PictureFacts) -> str:
    """The prompt, then one line `Steps: 8, Seed: 42, Size: 512x512, Model: tiny`."""
    known = {
        "Steps": facts.steps,
        "CFG scale": facts.guidance,
        "Seed": facts.seed,
        "Size": facts.size,
        "Model": facts.model,
        "Denoising strength": facts.strength,
        "Lora": ", ".join(f"{each.name}: {each.weight}" for each in facts.loras) or None,
        "Version": facts.version and f"Limner {facts.version}",
    }
    said = ", ".join(
        f"{name}: {_quoted(str(value))}" for name, value in known.items() if value is not None
    )
    return f"{_whole(facts.prompt)}\n{said}".replace("\0", " ")


def xmp(facts: PictureFacts | None = None) -> bytes:
    """A packet with the mark, and with the facts where they are given."""
    if facts is None:
        return (_PACKET % "").encode()
    # XML has no way to write two of Unicode's characters; JSON has one for each.
    text = _NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", facts_text(facts))
    ours = f' xmlns:limner="{NAMESPACE}" limner:facts={quoteattr(text)}'
    return (_PACKET % ours).encode()


def facts_in_xmp(packet: bytes) -> PictureFacts | None:
    if not (found := _FACTS.search(packet)):
        return None
    return read_facts(unescape(found[1][1:-1].decode("utf-8", "replace"), _QUOTES))


def is_marked(packet: bytes) -> bool:
    """Whether an XMP packet says that a model made the picture, whoever wrote it."""
    return _KINDS_OF_AI in packet


def _whole(text: str) -> str:
    """Text that UTF-8 can say: a model may have written half of a character."""
    return text.encode("utf-8", "replace").decode()


def _quoted(value: str) -> str:
    return json.dump(_whole(value)).decode() if _QUOTED.search(value) else _whole(value)


def _time(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat().replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _loras(value: object) -> tuple[Lora, ...]:
    entries = value if isinstance(value, list) else []
    return tuple(
        Lora(name, _fraction(entry.get("weight")))
        for entry in entries
        if isinstance(entry, dict) and (name := _text(entry.get("name")))
    )


def _fraction(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
