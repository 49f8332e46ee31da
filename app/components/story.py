"""A container's story: its figure, for a chosen event the chain of causes, and below it what else there is to know."""

from dataclasses import dataclass

import streamlit as st

from app.charts import container as chart
from app.charts.scene import FILLS, Line, Scene, scene
from app.components import choosing, html, look, overlays, sections, view
from app.components.why import why
from app.services import indicators
from app.services.home import Home
from app.services.reading import Reading

STATE = st.session_state
CANDLES = {"auto": None, "line": False, "candles": True}


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the figure is drawn, as the reader wants it."""

    symbol: str
    candles: bool | None
    log_scale: bool
    boxes: bool


def story(home: Home, reading: Reading, benchmark: Reading | None, covered: bool) -> None:
    """The figure, why, and the sections below: of a container that is done. `covered`: without the held-out bars."""
    limits = view.bounds(reading, covered)
    name = f"{reading.run.id}-{reading.container.index}"
    window = choosing.window(name, limits)
    event, hidden = choosing.event(reading, limits)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="controls"):
        drawn = _controls(reading, limits, name, window, choosing.symbol(reading, event))
    sight = view.Sight(home, reading, benchmark, limits, window, drawn.symbol, event, name)
    left, right = st.columns([2.7, 1], gap="medium")
    with left:
        _figure(sight, drawn)
        sections.sections(sight)
    with right, st.container(key="why", gap="small"):
        why(sight, hidden)


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
            choosing.show(name, spans[picked])

    def dates() -> None:
        if len(picked := STATE[f"dates-{key}"]) == 2:
            choosing.show(name, view.dated(picked, market, limits))

    st.segmented_control("Bars in view", list(spans), default=present, key=f"span-{key}", on_change=span)
    for icon, direction, words_ in (("chevron_left", -1, "Earlier bars"), ("chevron_right", 1, "Later bars")):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=words_,
            on_click=choosing.show,
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


def _figure(sight: view.Sight, drawn: Drawn) -> None:
    reading, limits, name = sight.reading, sight.limits, sight.name
    shown = scene(reading, sight.benchmark, drawn.symbol, sight.window, sight.covered, sight.event, _lines(sight))
    key = f"figure-{name}"

    def select() -> None:
        selection = STATE[key].selection
        if (box := view.boxed(selection, limits)) is not None:
            choosing.show(name, box)
        elif (seq := view.clicked(selection, shown)) is not None:
            choosing.choose(reading, seq)

    st.plotly_chart(
        chart.figure(shown, look.palette(), drawn.candles, drawn.log_scale, drawn.boxes),
        theme=None,
        key=key,
        on_select=select,
        selection_mode=("points", "box"),
        config={"displayModeBar": False, "doubleClick": False},
        alt=f"Price of {shown.symbol} with fills, regimes, equity against buy and hold, drawdown and exposure",
    )
    st.caption(" ".join(_hints(shown, drawn, reading)))


def _hints(shown: Scene, drawn: Drawn, reading: Reading) -> list[str]:
    """What a reader can do with the figure, and what it leaves out."""
    hints = ["Drag across bars to see them closer." if drawn.boxes else "Click a fill to see why it happened."]
    if drawn.candles and not chart.candles_possible(shown):
        hints.append("Candles need fewer bars in view.")
    if left_out := chart.fills_left_out(shown):
        hints.append(f"{FILLS:,} of {FILLS + left_out:,} fills are drawn; see fewer bars to see them all.")
    if zone := choosing.zone(reading):
        hints.append(f"All times on this page: {zone}.")
    return hints


def _lines(sight: view.Sight) -> tuple[Line, ...]:
    """The indicators to draw: over prices where they are prices of the symbol, else in a pane of their stage."""
    return tuple(
        Line(
            item.key,
            "" if indicators.on_scale(item, sight.symbol) else item.stage,
            indicators.values(sight.reading, item, sight.symbol),
        )
        for item in overlays.chosen(sight.reading)
    )
