"""A container's figures by regime: a bar's return belongs to the label known at the close before it."""

import streamlit as st

from app.charts import regimes
from app.components import html, look, view
from app.components.numbers import NOTHING, figure, many
from engine.projections.by_regime import FEW_EPISODES, Part

_HEADS = ("Regime", "Episodes", "Bars", "Time", "Return", "Sharpe", "Worst drawdown", "Trades begun")


def section(sight: view.Sight) -> None:
    reading = sight.reading
    if not reading.regime_names:
        st.caption("This experiment has no classifier, so its bars have no regimes. Add [classifier] to its config.")
        return
    colors = look.palette()
    parts = [part for part in reading.by_regime(sight.end) if part.code >= 0 or part.bars]
    names = {part.code: _name(part.code, reading.regime_names) for part in parts}
    rows = [_row(part, names[part.code]) for part in parts]
    swatches = [colors.regime(part.code) for part in parts]
    st.html(html.table(_HEADS, rows, numeric=range(1, len(_HEADS)), swatches=swatches))
    few = [part for part in parts if part.code >= 0 and part.episodes < FEW_EPISODES]
    if few:
        told = ", ".join(f"{names[part.code]} ({many(part.episodes, 'episode')})" for part in few)
        line = f"Few episodes: {told}. With fewer than {FEW_EPISODES}, a regime's figures may well be chance."
        st.html(html.notice(line, "warning"))
    st.plotly_chart(
        regimes.figure(reading, sight.end, colors),
        theme=None,
        key=f"regimes-{sight.name}",
        config={"displayModeBar": False},
        alt="Growth of the equity inside each regime",
    )
    covered = " The held-out bars are left out." if sight.covered else ""
    st.caption(
        "A bar's return belongs to the regime known at the close before it: what its own close says, nobody knew in "
        "time. The sample size is the number of episodes. Sharpe: of bar returns, a year; worst drawdown: below the "
        f"peak of the same episode.{covered}"
    )


def _name(code: int, names: tuple[str, ...]) -> str:
    return "no label yet" if code < 0 else html.clean(names[code])


def _row(part: Part, name: str) -> tuple[str, ...]:
    if not part.bars:
        return (name, "0", "0", figure("exposure", 0.0), *[NOTHING] * 3, "0")
    return (
        name,
        f"{part.episodes:,}",
        f"{part.bars:,}",
        f"{100 * part.share:.1f} %",
        figure("total_return", part.total_return),
        figure("sharpe", part.sharpe),
        figure("max_drawdown", part.max_drawdown),
        f"{part.trades:,}",
    )
