"""Small pieces of a page as HTML. Whatever comes from a user is escaped here: a name is shown, never interpreted.

Each function returns a string for `st.html`; their looks stand in `assets/styles/workbench.css`.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape as _escape

from app.components.numbers import number
from app.services.cells import cell as _cell
from app.services.reading import Cause, Input

#: What Markdown, HTML, LaTeX and Streamlit's own directives are made of.
_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~$:]")


def clean(text: object) -> str:
    """`text` without characters that cannot be seen but change how others are read (controls, direction marks)."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def cell(text: object) -> str:
    """`text` for a table that can be saved as CSV: clean, and no formula to a spreadsheet."""
    return _cell(clean(text))


def label(text: object) -> str:
    """`text` for a label that Streamlit takes for Markdown: clean, in one line, and shown as it is."""
    return _MARKS.sub(r"\\\g<0>", " ".join(clean(text).split()))


def escape(text: object) -> str:
    """`text` as HTML that shows exactly it."""
    return _escape(clean(text))


def stats(items: Iterable[tuple[str, str, str]]) -> str:
    """Key figures side by side: (label, value, small print below)."""
    cells = "".join(
        f'<div class="bh-stat"><div class="bh-label">{escape(label)}</div>'
        f'<div class="bh-value">{escape(value)}</div><div class="bh-note">{escape(note)}</div></div>'
        for label, value, note in items
    )
    return f'<div class="bh-stats">{cells}</div>'


def facts(items: Iterable[tuple[str, object]]) -> str:
    """Names and values in a line that wraps."""
    cells = "".join(
        f'<span class="bh-fact"><span class="bh-label">{escape(label)}</span> {escape(value)}</span>'
        for label, value in items
    )
    return f'<div class="bh-facts">{cells}</div>'


def chips(items: Iterable[tuple[str, object]]) -> str:
    """A container's parameters, each in a frame."""
    cells = "".join(
        f'<span class="bh-chip"><span class="bh-label">{escape(label)}</span> {escape(plain(value))}</span>'
        for label, value in items
    )
    return f'<div class="bh-chips">{cells}</div>'


def plain(value: object) -> object:
    """A parameter's value without the signs of a program: `calm 0.7 0.3, turbulent 0.2 0.8`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(f"{item:.4g}" if isinstance(item, float) else str(plain(item)) for item in value)
    return value


def heading(text: object, status: str = "", level: int = 2) -> str:
    """The name of what a page or a part of it is about, with its status as a badge."""
    badge = f'<span class="bh-badge bh-{escape(status)}">{escape(status.replace("_", " "))}</span>' if status else ""
    return f'<div class="bh-heading"><h{level}>{escape(text)}</h{level}>{badge}</div>'


def notice(text: object, tone: str = "info") -> str:
    """One line that must be seen. `tone`: info, warning, error."""
    role = "alert" if tone == "error" else "status"
    return f'<div class="bh-notice bh-tone-{escape(tone)}" role="{role}">{escape(text)}</div>'


def difference(title: str, lines: Sequence[str]) -> str:
    """Lines of a unified diff, what was taken away and added in colours of their own."""
    kinds = {"+": "bh-added", "-": "bh-removed", "@": "bh-place"}
    rows = "".join(f'<span class="{kinds.get(line[:1], "")}">{escape(line.expandtabs(4))}\n</span>' for line in lines)
    return f'<h3 class="bh-section">{escape(title)}</h3><pre class="bh-diff" tabindex="0">{rows}</pre>'


def paragraph(text: object) -> str:
    return f'<p class="bh-text">{escape(text)}</p>'


def explanation(chain: Sequence[Cause], moments: Sequence[str]) -> str:
    """A chain of causes, from the event back to its bar; `moments`: when each was, in words."""
    steps = "".join(_step(cause, moment) for cause, moment in zip(chain, moments, strict=True))
    return f'<ol class="bh-chain">{steps}</ol>'


def listing(title: str, found: Sequence[Cause]) -> str:
    """Events in one line each."""
    rows = "".join(
        f'<li><span class="bh-kind">{escape(cause.event["kind"] if cause.event else "BAR")}</span> '
        f'{escape(cause.text)} <span class="bh-note">#{cause.event["seq"] if cause.event else ""}</span></li>'
        for cause in found
    )
    return f'<div class="bh-listing"><div class="bh-label">{escape(title)}</div><ul>{rows}</ul></div>'


def table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = (), swatches: Sequence[str] = ()
) -> str:
    """A small table. `numeric`: columns whose cells are aligned right; `swatches`: a colour before each row's name."""
    right = set(numeric)
    classes = [' class="bh-right"' if place in right else "" for place in range(len(heads))]
    head = "".join(f'<th scope="col"{class_}>{escape(text)}</th>' for text, class_ in zip(heads, classes, strict=True))
    body = []
    for place, row in enumerate(rows):
        swatch = f'<span class="bh-swatch" style="background:{escape(swatches[place])}"></span>' if swatches else ""
        first, *others = (escape(cell) for cell in row)
        cells = "".join(f"<td{class_}>{cell}</td>" for cell, class_ in zip(others, classes[1:], strict=True))
        body.append(f'<tr><th scope="row">{swatch}{first}</th>{cells}</tr>')
    return (
        f'<div class="bh-scroll"><table class="bh-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def card(title: str, items: Iterable[tuple[str, object, str]]) -> str:
    """What is the case, point by point: (what, in words, a warning or "")."""
    points = "".join(
        f"<dt>{escape(what)}</dt><dd>{escape(words)}"
        + (f' <span class="bh-flag">{escape(flag)}</span>' if flag else "")
        + "</dd>"
        for what, words, flag in items
    )
    return f'<section class="bh-card"><h3>{escape(title)}</h3><dl>{points}</dl></section>'


def _step(cause: Cause, moment: str) -> str:
    event = cause.event
    kind = event["kind"] if event else "BAR"
    where = f"{moment} · bar {cause.bar:,}"
    origin = f"{where} · {event['level']} / {event['source']} · #{event['seq']}" if event else where
    return (
        f'<li class="bh-step bh-kind-{escape(kind.lower())}"><div class="bh-kind">{escape(kind)}</div>'
        f'<div class="bh-say">{escape(_sentence(cause))}</div><div class="bh-note">{escape(origin)}</div>'
        f"{_inputs(cause.inputs, prices=event is None)}</li>"
    )


def _sentence(cause: Cause) -> str:
    """What a step says; of the bar: whose it is."""
    if cause.event is not None:
        return cause.text
    if cause.symbol or not cause.inputs:
        return f"the bar of {cause.symbol}" if cause.symbol else "the bar"
    return f"the bar that the classifier saw: {cause.text.rpartition(' of ')[2]}"


def _inputs(inputs: Sequence[Input], prices: bool) -> str:
    """What a stage saw, or the prices of the bar: now and on the bar before."""
    if not inputs:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(item.name)}</th><td>{number(item.value, 7)}</td>'
        f"<td>{number(item.before, 7)}</td></tr>"
        + ("" if prices else f'<tr class="bh-source"><td colspan="3">{escape(item.indicator)}</td></tr>')
        for item in inputs
    )
    head = '<tr><th scope="col"></th><th scope="col">this bar</th><th scope="col">bar before</th></tr>'
    return f'<table class="bh-inputs"><thead>{head}</thead><tbody>{rows}</tbody></table>'
