"""A chart of bars as SVG, readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_ROW, _LABEL, _BAR, _VALUE = 26, 190, 420, 90
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57514a}"
    "rect{fill:#b4472f}.other{fill:#9a948c}"
    "@media(prefers-color-scheme:dark){text{fill:#c9c3bb}rect{fill:#f08a6c}.other{fill:#7d776f}}"
)


def draw(
    path: Path, title: str, unit: str, rows: Sequence[tuple[str, float]], *, ours: int = -1
) -> None:
    """rows: label and value. ours: how many of the first are Limner's own, -1 for all."""
    most = max(value for _, value in rows)
    height = _ROW * (len(rows) + 2)
    drawn = [_bar(at, label, value, most, unit, ours) for at, (label, value) in enumerate(rows)]
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_LABEL + _BAR + _VALUE}" '
        f'height="{height}"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f'<text x="0" y="18" font-weight="600">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


def _bar(at: int, label: str, value: float, most: float, unit: str, ours: int) -> str:
    top = _ROW * at + 34
    width = max(2, round(_BAR * value / most))
    kind = "" if ours < 0 or at < ours else ' class="other"'
    return (
        f'<text x="{_LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(label)}</text>'
        f'<rect{kind} x="{_LABEL}" y="{top}" width="{width}" height="18" rx="3"/>'
        f'<text x="{_LABEL + width + 6}" y="{top + 14}">{value:.1f} {escape(unit)}</text>'
    )
