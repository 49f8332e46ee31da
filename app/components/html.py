"""Small pieces of a page as HTML. Whatever comes from a user is escaped here: a name is shown, never interpreted.

Each function returns a string for `st.html`; their looks stand in `assets/styles/workbench.css`.
"""

from collections.abc import Iterable, Sequence
from html import escape as _escape

from app.components.numbers import number
from app.services.reading import Cause, Input


def clean(text: object) -> str:
    """`text` without characters that cannot be seen but change how others are read (controls, direction marks)."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text))


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
        f'<span class="bh-chip"><span class="bh-label">{escape(label)}</span> {escape(value)}</span>'
        for label, value in items
    )
    return f'<div class="bh-chips">{cells}</div>'


def heading(text: object, status: str = "", level: int = 2) -> str:
    """The name of what a page or a part of it is about, with its status as a badge."""
    badge = f'<span class="bh-badge bh-{escape(status)}">{escape(status.replace("_", " "))}</span>' if status else ""
    return f'<div class="bh-heading"><h{level}>{escape(text)}</h{level}>{badge}</div>'


def notice(text: object, tone: str = "info") -> str:
    """One line that must be seen. `tone`: info, warning, error."""
    role = "alert" if tone == "error" else "status"
    return f'<div class="bh-notice bh-tone-{escape(tone)}" role="{role}">{escape(text)}</div>'


def paragraph(text: object) -> str:
    return f'<p class="bh-text">{escape(text)}</p>'


def explanation(chain: Sequence[Cause]) -> str:
    """A chain of causes, from the event back to its bar."""
    return f'<ol class="bh-chain">{"".join(_step(cause) for cause in chain)}</ol>'


def listing(title: str, found: Sequence[Cause]) -> str:
    """Events in one line each."""
    rows = "".join(
        f'<li><span class="bh-kind">{escape(cause.event["kind"] if cause.event else "BAR")}</span> '
        f'{escape(cause.text)} <span class="bh-note">#{cause.event["seq"] if cause.event else ""}</span></li>'
        for cause in found
    )
    return f'<div class="bh-listing"><div class="bh-label">{escape(title)}</div><ul>{rows}</ul></div>'


def _step(cause: Cause) -> str:
    event = cause.event
    kind = event["kind"] if event else "BAR"
    where = f"{_moment(cause.time)} · bar {cause.bar:,}"
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


def _moment(time: str) -> str:
    """An ISO time without what says nothing: a day for daily bars."""
    return time.removesuffix("T00:00:00Z").replace("T", " ").replace("Z", " UTC")
