"""Results."""

import streamlit as st


def page() -> None:
    st.title("Results")


page()
