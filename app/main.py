"""The workbench: what `streamlit run app/main.py` starts. Everything a page shows is made elsewhere."""

import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
if str(_ROOT) not in sys.path:  # streamlit puts only the folder of this file there
    sys.path.insert(0, str(_ROOT))

import streamlit as st  # noqa: E402

from app import navigation  # noqa: E402
from app.components import daylight, login, look  # noqa: E402

st.set_page_config(page_title="Bulkhead", page_icon=str(_ROOT / "assets" / "logo.svg"), layout="wide")
login.demand()
page = st.navigation(navigation.pages(), position="top")
look.dress()
daylight.follow()
page.run()
