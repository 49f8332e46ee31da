"""A container's story: its figure, its events, and for a chosen event the chain of causes, back to the bar."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app.charts import container as chart
from app.charts.scene import FILLS, Scene, scene
from app.components import html, look, opening, tables, view
from app.components.numbers import many
from app.services.home import Home
from app.services.reading import Cause, Reading
from engine.events import NO_SYMBOL

STATE = st.session_state
#: Events on a page of the table.
ROWS = 15
CANDLES = {"auto": None, "line": False, "candles": True}


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the figure is drawn, as the reader wants it."""

    symbol: str
    candles: bool | None
    log_scale: bool
    boxes: bool


def story(home: Home, reading: Reading, benchmark: Reading | None, covered: bool) -> None:
    """The figure, the events, and why: of a container that is done. `covered`: without the held-out bars."""
    limits = view.bounds(reading, covered)
    name = f"{reading.run.id}-{reading.container.index}"
    window = view.fitted(STATE.get(f"window-{name}", view.whole(limits)), limits)
    event, hidden = _event(reading, limits)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="controls"):
        drawn = _controls(reading, limits, name, window, _symbol(reading, event))
    left, right = st.columns([2.7, 1], gap="medium")
    with left:
        shown = scene(reading, benchmark, drawn.symbol, window, covered and reading.test is not None, event)
        _figure(reading, shown, drawn, limits, name)
        _trace(home, reading, limits, name, event)
    with right, st.container(key="why", gap="small"):
        _why(reading, limits, name, event, hidden)


def _event(reading: Reading, limits: view.Bounds) -> tuple[int | None, bool]:
    """The event of the address, and whether one is asked for that is covered."""
    asked = st.query_params.get("event", "")
    if not asked.isdecimal() or len(asked) > 18 or int(asked) >= len(reading.log):
        return None, False
    if reading.log["bar"][int(asked)] >= limits.end:
        return None, True
    return int(asked), False


def _choose(reading: Reading, seq: int | None) -> None:
    """Choose an event; the figure shows its symbol."""
    if seq is None:
        st.query_params.pop("event", None)
        return
    st.query_params["event"] = str(seq)
    if (symbol := _symbol(reading, seq)) is not None:
        STATE[f"symbol-{reading.run.id}"] = symbol


def _symbol(reading: Reading, seq: int | None) -> str | None:
    """The symbol of an event; None when it is about the whole market."""
    place = NO_SYMBOL if seq is None else int(reading.log["symbol"][seq])
    return None if place == NO_SYMBOL else reading.market.symbols[place]


def _show(name: str, window: view.Window) -> None:
    STATE[f"window-{name}"] = window


def _controls(reading: Reading, limits: view.Bounds, name: str, window: view.Window, symbol: str | None) -> Drawn:
    """Symbol (`symbol` to begin with), bars in view, and how they are drawn."""
    market = reading.market
    symbol = symbol or market.symbols[0]
    if len(market.symbols) > 1:
        chooser = f"symbol-{reading.run.id}"
        STATE.setdefault(chooser, symbol)
        symbol = st.selectbox("Symbol", market.symbols, format_func=html.clean, key=chooser, width=140)
    spans = {span: view.spanned(span, market, limits) for span in view.SPANS}
    present = next((span for span, found in spans.items() if found == window), None)
    key = f"{name}-{window[0]}-{window[1]}-{limits.end}"

    def span() -> None:
        if (picked := STATE[f"span-{key}"]) is not None:
            _show(name, spans[picked])

    def dates() -> None:
        if len(picked := STATE[f"dates-{key}"]) == 2:
            _show(name, view.dated(picked, market, limits))

    st.segmented_control("Bars in view", list(spans), default=present, key=f"span-{key}", on_change=span)
    for icon, direction, words_ in (("chevron_left", -1, "Earlier bars"), ("chevron_right", 1, "Later bars")):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=words_,
            on_click=_show,
            args=(name, view.moved(window, limits, direction)),
            disabled=window[0 if direction < 0 else 1] == (limits.first if direction < 0 else limits.stop),
            key=f"move{direction}",
        )
    first, last = view.day(market, 0), view.day(market, limits.stop - 1)
    shown = (view.day(market, window[0]), view.day(market, window[1] - 1))
    st.date_input("From … to", shown, first, last, key=f"dates-{key}", on_change=dates, format="YYYY-MM-DD", width=230)
    drawn = st.selectbox("Prices", tuple(CANDLES), key="drawn", width=110)
    log_scale = st.toggle("Log scale", chart.wide(market.close[:, market.symbols.index(symbol)]), key=f"log-{symbol}")
    boxes = st.toggle(
        "Drag to zoom", key="boxes", help="Drag across bars to see them closer. While on, fills take no click."
    )
    return Drawn(symbol, CANDLES[drawn], log_scale, boxes)


def _figure(reading: Reading, shown: Scene, drawn: Drawn, limits: view.Bounds, name: str) -> None:
    key = f"figure-{name}"

    def select() -> None:
        selection = STATE[key].selection
        if (box := view.boxed(selection, limits)) is not None:
            _show(name, box)
        elif (seq := view.clicked(selection, shown)) is not None:
            _choose(reading, seq)

    st.plotly_chart(
        chart.figure(shown, look.palette(), drawn.candles, drawn.log_scale, drawn.boxes),
        theme=None,
        key=key,
        on_select=select,
        selection_mode=("points", "box"),
        config={"displayModeBar": False, "doubleClick": False},
        alt=f"Price of {shown.symbol} with fills, regimes, equity against buy and hold, and drawdown",
    )
    hints = ["Drag across bars to see them closer." if drawn.boxes else "Click a fill to see why it happened."]
    if drawn.candles and not chart.candles_possible(shown):
        hints.append("Candles need fewer bars in view.")
    if left_out := chart.fills_left_out(shown):
        hints.append(f"{FILLS:,} of {FILLS + left_out:,} fills are drawn; see fewer bars to see them all.")
    st.caption(" ".join(hints))


def _trace(home: Home, reading: Reading, limits: view.Bounds, name: str, event: int | None) -> None:
    """The event log, filtered and in pages; the row of the chosen event is marked."""
    frame = opening.trace(home, reading)
    frame = frame[frame["bar"] < limits.end]
    st.subheader("Events")
    found, filters = _filtered(frame, reading, limits)
    pages = max(1, -(-len(found) // ROWS))
    places = found["seq"].to_numpy()
    place = int(places.searchsorted(event)) if event is not None else 0
    marked = event is not None and place < len(places) and places[place] == event
    key = f"{name}-{filters}-{event if marked else None}"
    st.caption(f"{len(found):,} of {many(len(frame), 'event')} · click one to see its causes")
    above, below = st.container(), st.container(horizontal=True, horizontal_alignment="right")
    at = below.pagination(pages, default=place // ROWS + 1 if marked else 1, key=f"page-{key}", max_visible_pages=7)
    shown = found.iloc[(at - 1) * ROWS : at * ROWS]
    row = place - (at - 1) * ROWS if marked and place // ROWS == at - 1 else None
    table = f"events-{key}-{at}"

    def choose() -> None:
        picked = tables.picked(STATE[table].selection)
        _choose(reading, None if picked is None else int(shown["seq"].iloc[picked]))

    words_, columns, order = tables.events(shown)
    above.dataframe(
        words_,
        column_config=columns,
        column_order=order,
        hide_index=True,
        height="content",
        key=table,
        on_select=choose,
        selection_mode=tables.SELECT,
        selection_default=tables.marked(row),
        placeholder="",
    )


def _filtered(frame: pd.DataFrame, reading: Reading, limits: view.Bounds) -> tuple[pd.DataFrame, int]:
    """The events that pass the filters, and a number that changes with them."""
    chosen = {}
    for place, (column, title) in zip(
        st.columns(4, gap="small"),
        (("kind", "Kind"), ("symbol", "Symbol"), ("source", "Source"), ("reason", "Reason")),
        strict=True,
    ):
        options = list(frame[column].dropna().unique())
        with place:
            chosen[column] = st.multiselect(
                title,
                options,
                key=f"{column}-{reading.run.id}-{reading.container.index}",
                placeholder="all",
                select_all=False,
            )
    begin, end = st.slider(
        "Bars",
        limits.first,
        max(limits.first + 1, limits.end - 1),
        (limits.first, max(limits.first + 1, limits.end - 1)),
        key=f"bars-{reading.run.id}-{reading.container.index}-{limits.end}",
    )
    keep = frame["bar"].between(begin, end)
    for column, values in chosen.items():
        if values:
            keep &= frame[column].isin(values)
    return frame[keep], hash((begin, end, tuple((column, tuple(values)) for column, values in chosen.items())))


def _why(reading: Reading, limits: view.Bounds, name: str, event: int | None, hidden: bool) -> None:
    """The chosen event's chain of causes, back to its bar."""
    st.subheader("Why")
    if hidden:
        st.caption("That event lies in the held-out bars; reveal the test metrics to see it.")
    if event is None:
        st.caption(
            "Click a fill in the figure, or choose an event in the table: its causes appear here, back to the bar."
        )
        return
    chain = reading.causes(event)
    with st.container(horizontal=True, gap="small"):
        bar = chain[0].bar
        st.button(
            "Show its bars",
            icon=":material/zoom_in:",
            on_click=_show,
            args=(name, view.around(bar, limits)),
            key="near",
        )
        st.button("Clear", type="tertiary", on_click=_choose, args=(reading, None), key="clear")
    st.html(html.explanation(chain))
    also = _also(reading, chain)
    if also:
        st.html(html.listing("Also behind the target", also))
    effects = reading.effects(event)
    if effects:
        st.html(html.listing("What came of it", [cause for cause in effects if cause.bar < limits.end]))


def _also(reading: Reading, chain: list[Cause]) -> list[Cause]:
    """What the chain's target was made of, besides the chain."""
    seen = {cause.event["seq"] for cause in chain if cause.event}
    target = next((cause.event["seq"] for cause in chain if cause.event and cause.event["kind"] == "TARGET"), None)
    if target is None:
        return []
    return [cause for cause in reading.contributors(target) if cause.event and cause.event["seq"] not in seen]
