"""The look of the page that is being drawn: its palette, its styles, its logo."""

from pathlib import Path

import streamlit as st

from app import theme
from app.theme import Palette

_ASSETS = Path(__file__).parents[2] / "assets"


def palette() -> Palette:
    """The palette of the theme the reader has chosen."""
    return theme.palette(st.context.theme.type)


def dress() -> None:
    """Styles and logo, on every page."""
    colors = palette()
    names = ("ground", "panel", "ink", "muted", "line", "accent", "buy", "sell")
    variables = "".join(f"--bh-{name}: {getattr(colors, name)};" for name in names)
    styles = (_ASSETS / "styles" / "workbench.css").read_text()
    st.html(f"<style>:root {{{variables}}}\n{styles}</style>")
    st.logo(str(_ASSETS / f"logo-{colors.mode}.svg"), size="large")
