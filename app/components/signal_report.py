"""A signal report: forward returns by horizon and regime, coefficients, excursions, turnover; and overlaps."""

from typing import Any

import streamlit as st

from app import navigation
from app.charts import signals as charts
from app.components import html, look
from app.components.numbers import NOTHING, many
from app.services import signals
from app.services.home import Home

#: Fewer episodes, or bars, than this may well be chance.
FEW_EPISODES, FEW_BARS = 10, 100
USUAL = 5


def drawn(home: Home, run: int, index: int) -> None:
    """The report of one log."""
    report, made = signals.report_of(home, run, index), signals.made_by(home, run, index)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(html.heading(f"Report of {run}/{index}"))
        if st.button("Open container", icon=":material/candlestick_chart:", type="tertiary", key="open-log"):
            navigation.open_container(run, index)
    told = [("Made by", made.pattern.replace("_", " ")), ("Data", f"{made.dataset} ({made.dataset_hash[:12]})")]
    if made.imported:
        told.append(("Imported from", made.imported["file"]))
    for name, values in made.stages.items():
        told.append((name, ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)))
    st.html(html.facts(told))
    if not report["strategies"]:
        st.caption("It says nothing on the bars that are not held out.")
        return
    names = {part["strategy"]: made.strategies[part["strategy"]] for part in report["strategies"]}
    for part in report["strategies"]:
        if len(names) > 1:
            st.html(html.heading(names[part["strategy"]], level=3))
        _part(report, part, f"{run}-{index}-{part['strategy']}")
    st.caption(
        "Returns are measured from the open after the signal, over the symbol's own bars, in the signal's direction. "
        "Errors are Newey–West with a lag less than the horizon, because the returns overlap. Held-out bars are not "
        "looked at."
    )


def _part(report: dict[str, Any], part: dict[str, Any], key: str) -> None:
    counts, turnover = part["signals"], part["turnover"]
    usual = next(row for row in part["forward"] if row["horizon"] == USUAL)
    st.html(
        html.stats(
            [
                ("Signals", f"{counts['events']:,}", f"{_number(counts['per_year'], 1)} a year"),
                (f"Mean, {USUAL} bars", _percent(usual["mean"]), f"t {_number(usual['t'], 2)}"),
                ("Hit rate", _percent(usual["hit_rate"], 1), f"of {usual['observations']:,} returns"),
                ("Turnover", _number(turnover["per_year"], 1), "times a year"),
                ("Held", _number(turnover["holding"], 1), "bars on average"),
            ]
        )
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.html('<h4 class="bh-section">Forward return</h4>')
        _chart(charts.forward(part["forward"], look.palette()), f"forward-{key}", "Mean forward return by horizon")
        _few(part)
    with right:
        st.html('<h4 class="bh-section">Information coefficient, and how it decays</h4>')
        _chart(charts.coefficient(part["coefficient"], look.palette()), f"ic-{key}", "Rank correlation by horizon")
        across = "across symbols at each bar" if part["coefficient"]["across"] == "symbols" else "over time, by symbol"
        st.caption(f"Spearman's rank correlation of signal and return, {across}.")
    left, right = st.columns(2, gap="medium")
    with left:
        _regimes(report, usual)
        _by_symbol(counts)
    with right:
        _buckets(part)
        _excursion(part["excursion"])


def _chart(figure: Any, key: str, alt: str) -> None:
    st.plotly_chart(figure, theme=None, key=key, config={"displayModeBar": False}, alt=alt)


def _few(part: dict[str, Any]) -> None:
    bars = part["forward"][0]["bars"]
    if bars < FEW_BARS:
        st.html(html.notice(f"Only {many(bars, 'bar')} with a signal: these figures may well be chance.", "warning"))


def _regimes(report: dict[str, Any], usual: dict[str, Any]) -> None:
    if not usual["by_regime"]:
        return
    rows = [
        (
            "no label yet" if row["regime"] is None else row["regime"],
            *(f"{row['episodes']:,}", f"{row['bars']:,}", _percent(row["mean"]), _number(row["t"], 2)),
        )
        for row in usual["by_regime"]
    ]
    st.html(html.table((f"Regime, {USUAL} bars", "Episodes", "Bars", "Mean", "t"), rows, numeric=range(1, 5)))
    few = [str(row["regime"]) for row in usual["by_regime"] if row["regime"] and row["episodes"] < FEW_EPISODES]
    if few:
        line = f"Fewer than {FEW_EPISODES} episodes: {', '.join(few)}. Those figures may well be chance."
        st.html(html.notice(line, "warning"))


def _by_symbol(counts: dict[str, Any]) -> None:
    if len(counts["by_symbol"]) > 1:
        rows = [(row["symbol"], f"{row['events']:,}", _number(row["per_year"], 1)) for row in counts["by_symbol"][:20]]
        st.html(html.table(("Symbol", "Signals", "A year"), rows, numeric=(1, 2)))


def _buckets(part: dict[str, Any]) -> None:
    if not part["buckets"]:
        return
    usual = next(row for row in part["buckets"] if row["horizon"] == USUAL)
    rows = [
        (
            f"{bucket['signal']:+d}" if bucket["signal"] else "0",
            f"{bucket['observations']:,}",
            _percent(bucket["mean"]),
            _number(bucket["t"], 2),
        )
        for bucket in usual["buckets"]
    ]
    st.html(html.table((f"Signal, {USUAL} bars on", "Returns", "Mean return", "t"), rows, numeric=(1, 2, 3)))


def _excursion(found: dict[str, Any]) -> None:
    if not found["count"]:
        return
    rows = [
        (name, *(_percent(found[key][figure]) for figure in ("mean", "median", "p5", "p95")))
        for name, key in (("in favour", "favourable"), ("against", "adverse"))
    ]
    heads = (f"In {found['bars']} bars, at most", "Mean", "Median", "5 %", "95 %")
    st.html(html.table(heads, rows, numeric=range(1, 5)))
    st.caption(f"From the next open after each of {many(found['count'], 'signal')} that opens or turns.")


def overlap(references: list[str], found: dict[str, list[list[float | None]]]) -> None:
    """How much several logs say the same."""
    left, right = st.columns(2, gap="medium")
    for column, name, words in (
        (left, "correlation", "Correlation of the signals in force, over bars and symbols."),
        (right, "agreement", "Share of bars and symbols with the same side, where either has one."),
    ):
        with column:
            st.html(f'<h4 class="bh-section">{html.escape(name.capitalize())}</h4>')
            _chart(charts.matrix(references, found[name], look.palette()), f"overlap-{name}", words)
            st.caption(words)


def _percent(share: float | None, digits: int = 3) -> str:
    return NOTHING if share is None else f"{100.0 * share:.{digits}f} %"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"
