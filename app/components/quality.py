"""What looks odd in a dataset's bars: in words first, then by symbol, then one by one."""

from typing import Any

import pandas as pd
import streamlit as st

from app.components import html
from app.components.html import cell
from app.components.numbers import many
from engine.market.quality import Report, SymbolQuality

#: Findings on a page of their table.
FINDINGS = 20


def quality(report: Report, key: str = "quality") -> None:
    """What `bulkhead data check` finds, in words first."""
    st.subheader("What looks odd")
    lines = sentences(report)
    if not lines:
        st.html(html.paragraph("Nothing odd was found: no gaps, suspected splits, stale bars or copied opens."))
    else:
        st.html(html.notice("\n".join(lines), "warning"))
    st.dataframe(
        pd.DataFrame([_row(symbol) for symbol in report.symbols]),
        column_config=_COLUMNS,
        hide_index=True,
        height="auto" if len(report.symbols) > 8 else "content",
        placeholder="–",
        key=f"{key}-symbols",
    )
    if not report.findings:
        return
    with st.expander(f"{many(len(report.findings), 'finding')}, one by one", icon=":material/search:"):
        pages = -(-len(report.findings) // FINDINGS)
        at = st.pagination(pages, key=f"{key}-page", max_visible_pages=7) if pages > 1 else 1
        st.dataframe(
            pd.DataFrame(
                {
                    "Symbol": cell(found.symbol),
                    "Time": found.time,
                    "What": _KINDS[found.kind],
                    "Bars": found.bars,
                    "Detail": cell(found.detail),
                }
                for found in report.findings[(at - 1) * FINDINGS : at * FINDINGS]
            ),
            column_config={
                "Symbol": st.column_config.TextColumn(width=90),
                "Time": st.column_config.TextColumn(width=160),
                "What": st.column_config.TextColumn(width=140),
                "Bars": st.column_config.NumberColumn(format="%,d", width=70),
                "Detail": st.column_config.TextColumn(width="large"),
            },
            hide_index=True,
            height="content",
            key=f"{key}-findings-{at}",
        )


_KINDS = {
    "gap": "gap",
    "missing": "missing bars",
    "split": "suspected split",
    "stale": "stale closes",
    "no_volume": "no volume",
}


def sentences(report: Report) -> list[str]:
    """The findings of a check, a line for each kind, with what it means for a backtest."""
    found: dict[str, list[SymbolQuality]] = {}
    for symbol in report.symbols:
        for kind, odd in (
            ("splits", symbol.suspected_splits),
            ("gaps", symbol.gaps),
            ("missing", symbol.missing),
            ("stale", symbol.stale),
            ("range", symbol.outside_range),
            ("opens", (symbol.open_near_previous_close or 0) >= 0.1),
            ("volume", 0 < symbol.zero_volume < 1),
            ("ended", symbol.ended),
        ):
            if odd:
                found.setdefault(kind, []).append(symbol)

    def of(kind: str, size: Any) -> str:
        shown = [f"{symbol.symbol} {size(symbol)}" for symbol in found[kind][:6]]
        return ", ".join(shown) + (f" and {len(found[kind]) - 6} more" if len(found[kind]) > 6 else "")

    words = {
        "splits": ("Suspected splits", lambda s: f"{s.suspected_splits:,}", "a jump by a split's factor is no return"),
        "gaps": ("Gaps", lambda s: f"{s.gaps:,} (longest {s.longest_gap_days:g} days)", "nothing can trade in them"),
        "missing": ("Missing bars that other symbols have", lambda s: f"{s.missing:,}", "its last close counts there"),
        "stale": ("Bars in runs of the same close", lambda s: f"{s.stale:,}", "perhaps not traded, or filled up"),
        "range": ("Open or close outside low and high", lambda s: f"{s.outside_range:,}", "one of the prices is wrong"),
        "opens": (
            "The open is the previous close",
            lambda s: f"{100 * s.open_near_previous_close:.0f} % of bars",
            "a fill at the next open is then one at the close that decided it",
        ),
        "volume": ("Bars without volume", lambda s: f"{100 * s.zero_volume:.2g} %", "a fill there is doubtful"),
        "ended": ("Ended before the others", lambda s: s.last[:10], "delisted, or its file is older"),
    }
    return [f"{words[kind][0]}: {of(kind, words[kind][1])}; {words[kind][2]}." for kind in words if kind in found]


def _row(symbol: SymbolQuality) -> dict[str, Any]:
    opens = symbol.open_equals_previous_close
    return {
        "Symbol": cell(symbol.symbol),
        "Bars": symbol.bars,
        "From": symbol.first[:10],
        "To": symbol.last[:10],
        "Missing": symbol.missing,
        "Gaps": symbol.gaps,
        "Longest gap": symbol.longest_gap_days,
        "Splits": symbol.suspected_splits,
        "Stale": symbol.stale,
        "No volume": 100 * symbol.zero_volume,
        "Open = close before": None if opens is None else 100 * opens,
        "Outside range": symbol.outside_range,
    }


def _counted(help: str, width: int = 75) -> Any:
    return st.column_config.NumberColumn(format="%,d", width=width, help=help)


_COLUMNS: dict[str, Any] = {
    "Symbol": st.column_config.TextColumn(width=90),
    "Bars": _counted("its own bars"),
    "From": st.column_config.TextColumn(width=95),
    "To": st.column_config.TextColumn(width=95),
    "Missing": _counted("bars that other symbols have between its first and last, and it lacks"),
    "Gaps": _counted("breaks longer than the calendar explains"),
    "Longest gap": st.column_config.NumberColumn(format="%.4g days", width=100, help="between two bars in a row"),
    "Splits": _counted("jumps by the factor of a common split"),
    "Stale": _counted("bars in runs of five and more with the same close"),
    "No volume": st.column_config.NumberColumn(format="%.2f %%", width=90, help="share of bars"),
    "Open = close before": st.column_config.NumberColumn(format="%.2f %%", width=140, help="share of bars"),
    "Outside range": _counted("bars whose open or close lies outside low and high", 105),
}
