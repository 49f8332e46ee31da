"""Container: what one container did, why, in which regime, and what it earned."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app.charts import container as chart
from app.charts.scene import FILLS, Scene, scene
from app.components import explorer, html, look, opening, tables, warnings
from app.components.assumptions import assumptions
from app.components.numbers import figure, label, many, seconds
from app.services.exporting import export_container
from app.services.home import Home
from app.services.reading import Cause, Reading
from db.store import BENCHMARK, Container, Run, RunSummary
from engine.errors import InputError
from engine.events import NO_SYMBOL

STATE = st.session_state
ROWS = 15
KEY_METRICS = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "exposure")
BENCHMARK_NAME = "benchmark"
CANDLES = {"auto": None, "line": False, "candles": True}


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the figure is drawn, as the reader wants it."""

    symbol: str
    candles: bool | None
    log_scale: bool
    boxes: bool


def page() -> None:
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()[::-1]
        if not runs:
            _nothing()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="top"):
            title = st.container(width="stretch")
            asked = _picked(runs)
            extras = st.container(width="content")
        if (asked := _there(home, asked)) is None:
            title.title("Container")
            return
        with home.store() as store:
            run, row = store.run(asked[0]), store.container(*asked)
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    name = "Buy and hold" if row.index == BENCHMARK else f"Container {row.index}"
    title.html(html.heading(f"{name} · run {run.id} {run.name}", row.status, level=1))
    with extras:
        _download(home, row)
    _container(home, run, row)


def _nothing() -> None:
    st.title("Container")
    with st.container(border=True):
        st.subheader("There is no container yet")
        st.markdown("A container is one combination of an experiment's parameters. Run an experiment first.")
        st.page_link("../pages/runs.py", label="Go to Runs", icon=":material/arrow_forward:")


# --- which container -------------------------------------------------------------------------------------------------


def _picked(runs: list[RunSummary]) -> tuple[RunSummary, int | None, str]:
    """The run and index that the address asks for, or the newest run's first; and a line for what is not there."""
    by_id = {run.id: run for run in runs}
    wanted, named = st.query_params.get("run"), st.query_params.get("container")
    run = by_id.get(int(wanted)) if wanted and wanted.isdecimal() and len(wanted) < 19 else None
    stale, chosen = wanted is not None and run is None, run or runs[0]
    index = None if stale else _index(named, chosen)
    ids = list(by_id)
    picked = st.selectbox(
        "Run",
        ids,
        None if stale else ids.index(chosen.id),
        lambda run_id: f"{run_id} · {html.clean(by_id[run_id].name)}",
        key=f"run-{wanted}",
        placeholder="choose",
        width=220,
    )
    number = st.number_input(
        "Container",
        min_value=0,
        max_value=max(0, chosen.containers - 1),
        value=index if index is not None and index >= 0 else None,
        placeholder=BENCHMARK_NAME if index == BENCHMARK else "number",
        key=f"container-{chosen.id}-{named}",
        width=140,
    )
    if picked is not None and (stale or picked != chosen.id):
        _go(picked, 0)
    if number is not None and number != index:
        _go(chosen.id, number)
    problem = ""
    if stale:
        problem = f"There is no run {wanted} in this home; choose one above."
    elif index is None:
        most = many(chosen.containers, "container")
        problem = f"There is no container {named} in run {chosen.id}, which has {most}; choose one above."
    return chosen, index, problem


def _there(home: Home, asked: tuple[RunSummary, int | None, str]) -> tuple[int, int] | None:
    """Run and index, when they are stored; else a line that says what is missing."""
    run, index, problem = asked
    if problem or index is None:
        st.html(html.notice(problem, "warning"))
        return None
    if run.done + run.failed < run.containers:  # some of its containers are not stored, or not yet
        try:
            with home.store() as store:
                store.container(run.id, index)
        except InputError:
            st.html(html.notice(f"Container {index} of run {run.id} is not stored; the run is {run.status}.", "info"))
            return None
    return run.id, index


def _index(named: str | None, run: RunSummary) -> int | None:
    if named is None:
        return 0
    if named == BENCHMARK_NAME:
        return BENCHMARK
    known = named.isdecimal() and len(named) < 19 and int(named) < run.containers
    return int(named) if known else None


def _go(run_id: int, index: int) -> None:
    st.query_params.from_dict({"run": str(run_id), "container": str(index)})
    st.rerun()


# --- its header ------------------------------------------------------------------------------------------------------


def _container(home: Home, run: Run, row: Container) -> None:
    reading, problem = None, ""
    try:
        reading = opening.opened(home, row)
    except InputError as error:  # stages that are gone, or data: what is stored of the container can still be shown
        problem = str(error)
    if row.params:
        st.html(html.chips(row.params.items()))
    if reading is not None:
        st.html(html.facts([*assumptions(reading), *_usage(row)]))
        if not reading.same_spec:
            problem = "Another version of Bulkhead made this run; names and indicators are shown as this one reads it."
    if row.status != "done":
        _failure(row)
        return
    revealed = _figures(home, run, row)
    if problem:
        st.html(html.notice(problem, "warning" if reading else "error"))
    if reading is not None:
        st.fragment(_explore)(home, reading, opening.benchmark(home, run.id), covered=not revealed)


def _usage(row: Container) -> list[tuple[str, object]]:
    took = seconds(row.usage.wall) if row.usage.wall >= 0.01 else f"{1e3 * row.usage.wall:.2f} ms"
    return [("Events", f"{row.rows:,}"), ("Took", took)]


def _download(home: Home, row: Container) -> None:
    try:
        text = export_container(home, row.run, row.index) if row.index != BENCHMARK else None
    except InputError:
        return
    if text is not None:
        name = f"run-{row.run}-container-{row.index}.toml"
        st.download_button("Config", text, name, "application/toml", icon=":material/download:", on_click="ignore")


def _failure(row: Container) -> None:
    st.html(html.notice(f"It did not finish: {row.status.replace('_', ' ')}.", "error"))
    st.code(html.clean(row.error or "no message"), language=None, wrap_lines=True)


def _figures(home: Home, run: Run, row: Container) -> bool:
    """Key figures beside those of buy and hold; of the held-out bars only when asked for. Returns whether they were."""
    other = None
    try:
        with home.store() as store:
            other = store.container(run.id, BENCHMARK) if row.index != BENCHMARK else None
    except InputError:
        pass
    st.html(html.stats(_stats(row.metrics, other.metrics if other else None)))
    lines = warnings.warnings(run, row)
    if row.test_metrics is None:
        for line in lines:
            st.html(html.notice(line, "warning"))
        return True
    key = f"revealed-{run.id}-{row.index}"
    shown = bool(STATE.get(key))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap="xsmall"):
            for line in lines:
                st.html(html.notice(line, "warning"))
            if not lines:
                st.caption("The figures above are of the bars before the held-out ones.")
        if shown:
            st.button(
                "Cover held-out bars",
                icon=":material/visibility_off:",
                on_click=_reveal,
                args=(key, False),
                key="cover",
            )
        else:
            st.button(
                "Reveal test metrics",
                icon=":material/visibility:",
                help="What happened on held-out bars is covered, so that it cannot lead a choice.",
                on_click=_reveal,
                args=(key, True),
                key="reveal",
            )
    if shown:
        st.caption("On the held-out bars:")
        st.html(html.stats(_stats(row.test_metrics, other.test_metrics if other else None)))
    return shown


def _reveal(key: str, shown: bool) -> None:
    STATE[key] = shown


def _stats(metrics: dict | None, other: dict | None) -> list[tuple[str, str, str]]:
    found = []
    for name in KEY_METRICS:
        note = f"buy & hold {figure(name, other.get(name))}" if other else ""
        found.append((label(name), figure(name, (metrics or {}).get(name)), note))
    return found


# --- its figure, its events ------------------------------------------------------------------------------------------


def _explore(home: Home, reading: Reading, benchmark: Reading | None, covered: bool) -> None:
    limits = explorer.bounds(reading, covered)
    name = f"{reading.run.id}-{reading.container.index}"
    window = explorer.fitted(STATE.get(f"window-{name}", explorer.whole(limits)), limits)
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


def _event(reading: Reading, limits: explorer.Bounds) -> tuple[int | None, bool]:
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


def _show(name: str, window: explorer.Window) -> None:
    STATE[f"window-{name}"] = window


def _controls(
    reading: Reading, limits: explorer.Bounds, name: str, window: explorer.Window, symbol: str | None
) -> Drawn:
    """Symbol (`symbol` to begin with), bars in view, and how they are drawn."""
    market = reading.market
    symbol = symbol or market.symbols[0]
    if len(market.symbols) > 1:
        chooser = f"symbol-{reading.run.id}"
        STATE.setdefault(chooser, symbol)
        symbol = st.selectbox("Symbol", market.symbols, format_func=html.clean, key=chooser, width=140)
    spans = {span: explorer.spanned(span, market, limits) for span in explorer.SPANS}
    present = next((span for span, found in spans.items() if found == window), None)
    key = f"{name}-{window[0]}-{window[1]}-{limits.end}"

    def span() -> None:
        if (picked := STATE[f"span-{key}"]) is not None:
            _show(name, spans[picked])

    def dates() -> None:
        if len(picked := STATE[f"dates-{key}"]) == 2:
            _show(name, explorer.dated(picked, market, limits))

    st.segmented_control("Bars in view", list(spans), default=present, key=f"span-{key}", on_change=span)
    for icon, direction, words_ in (("chevron_left", -1, "Earlier bars"), ("chevron_right", 1, "Later bars")):
        st.button(
            "",
            icon=f":material/{icon}:",
            help=words_,
            on_click=_show,
            args=(name, explorer.moved(window, limits, direction)),
            disabled=window[0 if direction < 0 else 1] == (limits.first if direction < 0 else limits.stop),
            key=f"move{direction}",
        )
    first, last = explorer.day(market, 0), explorer.day(market, limits.stop - 1)
    shown = (explorer.day(market, window[0]), explorer.day(market, window[1] - 1))
    st.date_input("From … to", shown, first, last, key=f"dates-{key}", on_change=dates, format="YYYY-MM-DD", width=230)
    drawn = st.selectbox("Prices", tuple(CANDLES), key="drawn", width=110)
    log_scale = st.toggle("Log scale", chart.wide(market.close[:, market.symbols.index(symbol)]), key=f"log-{symbol}")
    boxes = st.toggle(
        "Drag to zoom", key="boxes", help="Drag across bars to see them closer. While on, fills take no click."
    )
    return Drawn(symbol, CANDLES[drawn], log_scale, boxes)


def _figure(reading: Reading, shown: Scene, drawn: Drawn, limits: explorer.Bounds, name: str) -> None:
    key = f"figure-{name}"

    def select() -> None:
        selection = STATE[key].selection
        if (box := explorer.boxed(selection, limits)) is not None:
            _show(name, box)
        elif (seq := explorer.clicked(selection, shown)) is not None:
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


def _trace(home: Home, reading: Reading, limits: explorer.Bounds, name: str, event: int | None) -> None:
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


def _filtered(frame: pd.DataFrame, reading: Reading, limits: explorer.Bounds) -> tuple[pd.DataFrame, int]:
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


def _why(reading: Reading, limits: explorer.Bounds, name: str, event: int | None, hidden: bool) -> None:
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
            args=(name, explorer.around(bar, limits)),
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


page()
