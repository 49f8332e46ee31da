"""The funnel: how many signals became targets, orders, fills and trades, and what was refused on the way, and why."""

import streamlit as st

from app.charts import funnel
from app.components import html, look, view
from app.services.flow import Step, steps


def section(sight: view.Sight) -> None:
    log = sight.reading.log
    found = steps(log[log["bar"] < sight.end])
    st.plotly_chart(
        funnel.figure(found, look.palette()),
        theme=None,
        key=f"funnel-{sight.name}",
        config={"displayModeBar": False},
        alt="Signals, targets, orders, fills and trades, and how many of each were refused",
    )
    st.html(html.table(("Step", "Count", "Refused", "What, and why"), [_row(step) for step in found], numeric=(1, 2)))
    st.caption(
        "Nothing disappears: every signal without a target, target without an order and order without a fill is in the "
        "event log as a REJECTION with its reason."
    )


def _row(step: Step) -> tuple[str, ...]:
    why = [f"{count:,}: {reason}" for reason, count in step.refused]
    lost = f"{step.lost:,}" if step.name in ("Signals", "Targets", "Orders") else ""
    return step.name, f"{step.count:,}", lost, "; ".join([*why, *([step.note] if step.note else [])])
