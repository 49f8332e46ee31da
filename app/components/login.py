"""Logging in: demanded before anything is shown wherever the workbench can be reached from another machine."""

import streamlit as st

from app.services import serving


def demand() -> None:
    """Go on only for who may see the workbench; whoever else gets a button, or a reason, and nothing of a page.

    What decides is the address the server listens at, not how it was started.
    """
    if serving.is_loopback(st.get_option("server.address")):
        return
    if st.user.get("is_logged_in") is True:
        if serving.may_enter(st.user.get("email"), st.user.get("email_verified"), _emails()):
            return
        st.title("Bulkhead")
        st.text("You have logged in, but this workbench is not open to you. Ask who runs it to add your address.")
        st.button("Log out", on_click=st.logout, key="log-out")
        st.stop()
    st.title("Bulkhead")
    if "is_logged_in" not in st.user:  # Streamlit knows no provider
        st.text("This server can be reached from other machines without logging in, so it shows nothing.")
        st.text("Start it with 'bulkhead serve' for this machine alone, or with 'bulkhead serve --public'.")
    else:
        st.button("Log in", type="primary", on_click=st.login, key="log-in")
    st.stop()


def _emails() -> tuple[str, ...]:
    section = st.secrets.get(serving.SECTION, {}) if st.secrets.load_if_toml_exists() else {}
    return tuple(str(one).strip().casefold() for one in section.get(serving.EMAILS, ()))
