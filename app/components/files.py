"""A container's files, made when they are asked for."""

from functools import partial

import streamlit as st

from app.components import view
from app.services import downloads
from app.services.exporting import export_container
from app.services.home import Home
from db.store import BENCHMARK, Container

_TITLES = {
    "events": ("Event log", "everything it decided or did, one row an event, with its cause"),
    "equity": ("Equity", "equity, drawdown, gross weight and regime at each close"),
    "trades": ("Trades", "closed round trips, with prices, costs and profit"),
}
_FORMS = {"csv": "CSV", "parquet": "Parquet"}


def config(home: Home, row: Container) -> None:
    """The config that makes it again."""
    st.download_button(
        "Config",
        partial(export_container, home, row.run, row.index),
        f"run-{row.run}-container-{row.index}.toml",
        "application/toml",
        icon=":material/download:",
        on_click="ignore",
        help="This container as TOML, with what came out, to run it again anywhere.",
        key="config",
    )


def section(sight: view.Sight) -> None:
    reading, row = sight.reading, sight.reading.container
    for table, (title, meaning) in _TITLES.items():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{title}**")
                st.caption(meaning)
            for form in downloads.FORMS:
                st.download_button(
                    f"{table.capitalize()} {_FORMS[form]}",
                    partial(downloads.content, reading, table, form, sight.end),
                    downloads.name(reading, table, form, sight.end),
                    downloads.MIMES[form],
                    icon=":material/download:",
                    on_click="ignore",
                    key=f"{table}-{form}",
                    width=170,
                )
    covered = " The held-out bars are left out while they are covered." if sight.covered else ""
    st.caption(
        "Times in files are UTC. In a CSV, a text that a spreadsheet would take for a formula begins with an "
        f"apostrophe.{covered}"
    )
    if row.index != BENCHMARK:
        st.caption("The config that makes this container again is at the top of the page.")
