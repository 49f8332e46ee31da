"""Where other machines can reach the workbench, nothing of it is shown before somebody has logged in."""

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config

from app import navigation
from app.components import login
from tests.pages.conftest import GOOD_RUN, Open, said

ADDRESS = "server.address"


class User(dict[str, Any]):
    """Stands in for `st.user`."""


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server as if it listened beyond this machine; returns what to call with who is there."""
    before = st.get_option(ADDRESS)
    config.set_option(ADDRESS, "0.0.0.0")

    def user(**known: object) -> None:
        monkeypatch.setattr(st, "user", User(known))

    user()
    yield user
    config.set_option(ADDRESS, before)


def nothing(app: Any) -> bool:
    """Whether a page shows nothing but the door."""
    shown = [*app.dataframe, *app.markdown, *app.subheader, *app.code, *app.metric, *app.expander, *app.tabs, *app.json]
    return [title.value for title in app.title] == ["Bulkhead"] and not shown and not said(app)


@pytest.mark.parametrize("name", [entry.file for entry in navigation.ENTRIES])
@pytest.mark.parametrize("state", [False, None, "true", 1])
def test_no_page_is_shown_before_login(page: Open, stored: Path, outside: Any, name: str, state: object) -> None:
    outside(is_logged_in=state)
    app = page(stored, name, run=GOOD_RUN, container=3)
    assert nothing(app)
    assert [(button.key, button.label) for button in app.button] == [("log-in", "Log in")]


def test_the_button_logs_in(page: Open, stored: Path, outside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outside(is_logged_in=False)
    asked = []
    monkeypatch.setattr(st, "login", lambda: asked.append(1))
    app = page(stored)
    assert not asked
    app.button("log-in").click().run()
    assert asked == [1]


def test_who_has_logged_in_sees_the_pages(page: Open, stored: Path, outside: Any) -> None:
    outside(is_logged_in=True)
    assert [title.value for title in page(stored).title] == ["Runs"]


def test_without_a_provider_there_is_no_way_in(page: Open, stored: Path, outside: Any) -> None:
    app = page(stored)
    assert nothing(app) and not app.button
    assert "bulkhead serve --public" in " ".join(element.value for element in app.text)


def test_who_is_not_on_the_list_stays_outside(
    page: Open, stored: Path, outside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "_emails", lambda: ("ann@lab.example",))
    for email, verified in (("bob@lab.example", True), ("ann@lab.example", False), (None, None)):
        outside(is_logged_in=True, email=email, email_verified=verified)
        app = page(stored)
        assert nothing(app) and [button.key for button in app.button] == ["log-out"]
    outside(is_logged_in=True, email="Ann@Lab.example", email_verified=True)
    assert [title.value for title in page(stored).title] == ["Runs"]


def test_on_this_machine_nobody_is_asked(page: Open, stored: Path) -> None:
    assert st.get_option(ADDRESS) == "127.0.0.1"
    assert [title.value for title in page(stored).title] == ["Runs"]
