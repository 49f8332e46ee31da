"""Importing signals that were made elsewhere: a file with time, symbol and value."""

import tempfile
from pathlib import Path

import streamlit as st

from app.components import html
from app.services import signals
from app.services.home import Home
from engine.errors import InputError

STATE = st.session_state
SAID = "signals-said"


def popover(home: Home) -> None:
    """The form, and what came of it."""
    with st.popover("Import a file", icon=":material/upload_file:", width="stretch"):
        file = st.file_uploader("CSV or Parquet with time, symbol, value", type=["csv", "parquet"], key="signals-file")
        names = [dataset.name for dataset in home.datasets.list()]
        dataset = st.selectbox("Made for the dataset", names, key="signals-of")
        name = st.text_input("Name", key="signals-name", placeholder="my_alpha")
        if st.button("Import", type="primary", disabled=file is None or not name, key="signals-add") and file:
            try:
                with tempfile.TemporaryDirectory(prefix="bulkhead-upload-") as folder:
                    path = Path(folder) / f"signals{Path(file.name).suffix.lower()[:8]}"
                    path.write_bytes(file.getvalue())
                    added = signals.add(home, path, name, dataset)
                STATE[SAID] = f"Imported as {added.run}/{added.index}: {added.signals:,} signals.", "info"
                st.query_params["run"] = str(added.run)
            except InputError as error:
                STATE[SAID] = str(error), "error"
            st.rerun()
    if said := STATE.pop(SAID, None):
        st.html(html.notice(*said))
