"""Has the page drawn anew when the reader's system turns light or dark: colours and charts are made for one of them.

Streamlit changes its own colours in the browser and leaves it at that.
"""

import streamlit as st

_NAME = "daylight"
# the theme follows a moment after the system: what is drawn before it would be of the old one again
_SCRIPT = """
export default function ({ setTriggerValue }) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const app = document.querySelector("[data-testid=stApp]");
  const paper = () => getComputedStyle(app).backgroundColor;
  let last = paper(), timer;
  const look = (tries) => {
    if (paper() !== last) {
      last = paper();
      setTriggerValue("turned", last);
    } else if (tries) {
      timer = setTimeout(look, 50, tries - 1);
    }
  };
  const turned = () => {
    clearTimeout(timer);
    look(60);
  };
  system.addEventListener("change", turned);
  return () => {
    clearTimeout(timer);
    system.removeEventListener("change", turned);
  };
}
"""
_watched = st.components.v2.component(_NAME, js=_SCRIPT)


def follow() -> None:
    """Draw the page anew when it turns; takes no room."""
    with st.container(key=_NAME):
        _watched(key=f"{_NAME}-watch", on_turned_change=lambda: None)
