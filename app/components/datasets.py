"""Datasets on a page: their list, one of them at a glance, and what looks odd in its bars."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import navigation
from app.charts.preview import drawn, preview
from app.components import dropped, html, look, quality, tables
from app.components.html import cell, clean
from app.components.numbers import many
from app.datasets.sources import SOURCES
from app.services.home import Home
from app.services.reading import wall_clock
from engine.errors import DataError
from engine.market.dataset import Dataset
from engine.market.market import COLUMNS, Market
from engine.market.quality import Report, check

STATE = st.session_state
ADJUSTMENTS = {
    "raw": "as traded",
    "split": "adjusted for splits",
    "total_return": "adjusted for splits and dividends",
}
#: Columns of the list that stand there only when a dataset has something in them.
_SPARE = ("Splits", "Dividends", "Features", "Dropped rows")
#: Bars that are shown of a symbol.
ROWS = 8
#: Of the chart, in pixels: as high as the table beside it.
HEIGHT = 350


def listing(found: Sequence[Dataset], chosen: str | None, left_out: Mapping[str, int]) -> None:
    """All datasets; a click on one shows it. `left_out`: how many rows were dropped of each, by name."""
    frame = pd.DataFrame(
        {
            "Name": cell(dataset.name),
            "Version": dataset.version,
            "Symbols": cell(symbols(dataset.symbols)),
            "Bars": dataset.bars,
            "Frequency": dataset.frequency,
            "From": dataset.first[:10],
            "To": dataset.last[:10],
            "Prices": ADJUSTMENTS[dataset.adjustment],
            "Hash": dataset.hash[:12],
            "Splits": dataset.splits,
            "Dividends": dataset.dividends,
            "Features": len(dataset.features),
            "Dropped rows": left_out.get(dataset.name, 0),
        }
        for dataset in found
    )
    frame = frame.drop(columns=[name for name in _SPARE if not frame[name].any()])
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    columns: dict[str, Any] = {
        "Name": text(width=150),
        "Version": number(format="%d", width=70),
        "Symbols": text(width=240),
        "Bars": number(format="%,d", width=80),
        "Frequency": text(width=85),
        "From": text(width=95),
        "To": text(width=95),
        "Prices": text(width=220),
        "Hash": text(width=110),
        **{name: number(format="%,d", width=90) for name in _SPARE},
    }
    row = next((place for place, dataset in enumerate(found) if dataset.name == chosen), None)
    key = f"datasets-{len(found)}-{chosen}"

    def choose() -> None:
        if (place := tables.picked(STATE[key].selection)) is not None:
            st.query_params["dataset"] = found[place].name

    st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        height="auto" if len(found) > 8 else "content",
        key=key,
        on_select=choose,
        selection_mode=tables.SELECT,
        selection_default=tables.marked(row),
    )


def dataset(home: Home, found: Dataset) -> None:
    """One dataset: what it is, its prices, its bars, and what looks odd in them."""
    try:
        market = _market(home.path, found.hash)
        report = _report(home.path, found.hash)
        left_out = home.datasets.dropped(f"{found.name}@{found.version}") if found.name else ()
    except DataError as error:
        st.html(html.notice(error, "error"))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        version = f" · version {found.version}" if found.version > 1 else ""
        with st.container(width="stretch"):
            st.html(html.heading(f"{found.name or found.hash[:12]}{version}"))
        if found.name and st.button("New experiment on it", icon=":material/experiment:", key="use"):
            navigation.open_experiment(dataset=found.name)
    st.html(html.facts(_facts(found)))
    if known := SOURCES.get(found.hash):
        st.html(html.facts([("Source", known.source), ("Licence", known.licence)]))
        st.html(html.notice(known.caution, "warning"))
    _versions(home, found)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        shown = len(drawn(market))
        some = f" ({shown} of {len(market.symbols):,} symbols)" if shown < len(market.symbols) else ""
        st.caption(f"Closes, each set to 100 at its first bar; equal heights are equal returns{some}.")
        st.plotly_chart(
            preview(market, look.palette()).update_layout(height=HEIGHT),
            theme=None,
            key=f"preview-{found.hash}",
            config={"displayModeBar": False, "doubleClick": False},
            alt=f"Closes of {', '.join(map(clean, market.symbols[:8]))}",
        )
    with right:
        _bars(market, found)
    dropped.dropped(left_out, f"dropped-{found.hash}")
    quality.quality(report)


def _facts(found: Dataset) -> list[tuple[str, object]]:
    clock = f"sessions in {found.zone}" if found.intraday else "a session each"
    return [
        ("Symbols", f"{len(found.symbols):,}: {symbols(found.symbols)}"),
        ("Bars", f"{found.bars:,} of {found.frequency}, {clock}"),
        ("Period", f"{found.first} to {found.last}"),
        ("A year has", f"{found.bars_per_year:,.0f} bars"),
        ("Prices", ADJUSTMENTS[found.adjustment]),
        *beside(found),
        ("Hash", found.hash[:12]),
    ]


def beside(found: Dataset) -> list[tuple[str, object]]:
    """What a dataset holds beside bars, where it does."""
    happened = [many(count, what) for count, what in ((found.splits, "split"), (found.dividends, "dividend")) if count]
    facts: list[tuple[str, object]] = [("Corporate actions", ", ".join(happened))] if happened else []
    return facts + ([("Features", ", ".join(found.features))] if found.features else [])


def _versions(home: Home, found: Dataset) -> None:
    """The other versions of the name: runs on them keep them, and they can still be looked at."""
    versions = home.datasets.versions(found.name) if found.name else ()
    if len(versions) < 2:
        return
    names = {hash: f"{place} ({hash[:12]})" for place, hash in enumerate(versions, 1)}
    key = f"version-{found.hash}"

    def choose() -> None:
        if (hash := STATE[key]) is not None:
            st.query_params["dataset"] = found.name if hash == versions[-1] else hash

    st.selectbox(
        "Version", list(names)[::-1], list(names)[::-1].index(found.hash), names.__getitem__, key=key,
        on_change=choose, width=240, help="A run names the version it ran on; adding bars never changes it.",
    )  # fmt: skip


def _bars(market: Market, found: Dataset) -> None:
    """The first or last bars of a symbol, as they are stored."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        symbol = market.symbols[0]
        if len(market.symbols) > 1:
            symbol = st.selectbox("Symbol", market.symbols, format_func=clean, key=f"symbol-{found.hash}", width=150)
        end = st.segmented_control("Bars", ("First", "Last"), default="First", required=True, key=f"end-{found.hash}")
    column = market.symbols.index(symbol)
    own = market.valid[:, column].nonzero()[0]
    own = own[:ROWS] if end == "First" else own[-ROWS:]
    times = pd.to_datetime(wall_clock(market.time[own], market.zone))
    further = {name: values[own, column] for name, values in market.features.items()}
    number = st.column_config.NumberColumn
    usual = float(np.nanmedian(market.close[:, column]))
    digits = max(2, 4 - math.floor(math.log10(usual)))  # prices of one symbol are aligned at their points
    st.dataframe(
        pd.DataFrame({"time": times} | {name: getattr(market, name)[own, column] for name in COLUMNS} | further),
        column_config={
            "time": st.column_config.DatetimeColumn(
                f"Time ({market.zone})" if found.intraday else "Date",
                format="YYYY-MM-DD HH:mm" if found.intraday else "YYYY-MM-DD",
                width=170 if found.intraday else 95,
            ),
            **{name: number(name.capitalize(), format=f"%,.{digits}f", width=85) for name in COLUMNS[:4]},
            "volume": number("Volume", format="%,.0f", width=110),
        },
        hide_index=True,
        height="content",
        key=f"bars-{found.hash}-{column}-{end}",
    )


def symbols(names: tuple[str, ...]) -> str:
    return clean(", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])}, … ({len(names):,})")


@st.cache_resource(max_entries=3, show_spinner=False)
def _market(home: Path, hash: str) -> Market:
    return Home(home).datasets.market(hash)


@st.cache_resource(max_entries=12, show_spinner=False)
def _report(home: Path, hash: str) -> Report:
    return check(_market(home, hash))
