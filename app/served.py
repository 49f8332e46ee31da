"""The workbench as a web application, behind its door: what `bulkhead serve` starts, on the options it gives."""

import streamlit as st
from starlette.middleware import Middleware

from app.door import Door

app = st.App(
    "main.py",
    middleware=[
        Middleware(
            Door,
            hosts=tuple(st.get_option("server.allowedHosts")),
            origins=tuple(st.get_option("server.corsAllowedOrigins")),
        )
    ],
)
