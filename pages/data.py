"""Data."""

import streamlit as st


def page() -> None:
    st.title("Data")


page()
