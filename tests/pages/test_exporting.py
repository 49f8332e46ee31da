"""The component that makes a run anew, on a page of its own: unfinished, begun, answered, failed, covered."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.services import reproductions
from app.services.exporting import export_run
from app.services.home import VARIABLE, Home
from app.services.reproductions import Reproduction
from db.store import Store
from tests.pages.conftest import GOOD_RUN, HOSTILE, address, said, shown

VERDICT: dict[str, Any] = {
    "verdict": "identical",
    "containers": 30,
    "expected": "a" * 64,
    "digest": "a" * 64,
    "versions": {},
    "metrics": {},
    "diverged": None,
    "note": None,
}
#: A difference in the first container, at a bar.
ROW = {"seq": 4, "bar": 2_900, "time": "2011-09-09T00:00:00Z", "kind": "REJECTION", "level": "risk", "source": "risk"}
ROW |= {"symbol": "IBM", "side": None, "price": None, "quantity": None, "commission": None, "value": None}
ROW |= {"limit": None, "actual": None, "reason": "no_change", "cause": 3}
DIVERGED = {"index": 0, "seq": 4, "original": ROW, "now": {**ROW, "reason": "stopped"}}


def drawn(home: Path, monkeypatch: pytest.MonkeyPatch, run: int = GOOD_RUN, **query: str) -> AppTest:
    monkeypatch.setenv(VARIABLE, str(home))

    def script(run: int) -> None:
        from app.components import exporting
        from app.services.home import Home

        home = Home()
        with home.store() as store:
            found = store.run(run)
        exporting.reproduce(home, found)
        exporting.upload(home)

    app = AppTest.from_function(script, kwargs={"run": run}, default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    return shown(app.run())


def answer(monkeypatch: pytest.MonkeyPatch, **found: Any) -> None:
    monkeypatch.setattr(
        reproductions, "latest", lambda home, run: Reproduction("run-1-0", **{"status": "answered", **found})
    )


def test_the_commands_and_the_config(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = drawn(stored, monkeypatch)
    assert app.code[0].value == "bulkhead export 1 -o run-1.toml\nbulkhead reproduce run-1.toml"
    assert app.get("download_button") and not app.button(f"reproduce-{GOOD_RUN}").disabled


def test_a_click_begins_it_with_the_exported_config(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(reproductions, "begin", lambda home, text, run=None: asked.append((text, run)) or "run-1-0")
    shown(drawn(stored, monkeypatch).button(f"reproduce-{GOOD_RUN}").click().run())
    assert asked == [(export_run(Home(stored), GOOD_RUN), GOOD_RUN)]


def test_while_it_runs(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Reproduction("run-1-0", "running", said="12/30 containers, 0 failed")
    monkeypatch.setattr(reproductions, "latest", lambda home, run: running)
    monkeypatch.setattr(reproductions, "look", lambda home, name: running)
    app = drawn(stored, monkeypatch)
    assert "Reproducing: 12/30 containers" in said(app) and app.button(f"reproduce-{GOOD_RUN}").disabled


def test_answers(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, verdict=VERDICT)
    assert "Identical: every event is the same" in said(drawn(stored, monkeypatch))
    versions = {"numpy": ["2.4", "2.5"], "cpu": [None, "znver4"]}
    answer(monkeypatch, verdict={**VERDICT, "verdict": "same within 1e-9", "digest": "b" * 64, "versions": versions})
    text = said(drawn(stored, monkeypatch))
    assert "Same within 1e-9" in text and "2.4 there, 2.5 here" in text and "– there, znver4 here" in text
    early = {"index": 0, "seq": 4, "original": {**ROW, "bar": 30}, "now": None}
    different = {**VERDICT, "verdict": "different", "diverged": early, "metrics": {"total_return": [0.5, None]}}
    answer(monkeypatch, verdict={**different, "note": f"the original is {HOSTILE}"})
    text = said(drawn(stored, monkeypatch))
    assert "Different: it decided" in text and "container 0, event 4" in text and "the log has ended" in text
    assert "50.00 % (0.5)" in text and "<img" not in text
    answer(monkeypatch, status="failed", error="no dataset 'x'")
    assert "It could not be reproduced: no dataset" in said(drawn(stored, monkeypatch))


def test_a_difference_in_held_out_bars_stays_covered(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, verdict={**VERDICT, "verdict": "different", "diverged": DIVERGED})
    text = said(drawn(stored, monkeypatch))
    assert "lies in the held-out bars" in text and "stopped" not in text


def test_a_run_that_has_not_ended(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Store.run
    monkeypatch.setattr(Store, "run", lambda store, run: replace(whole(store, run), digest=None))
    app = drawn(full, monkeypatch)
    assert "when all its containers have ended" in app.caption[0].value and not app.code


def test_a_config_from_a_file(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(reproductions, "begin", lambda home, text, run=None: asked.append((text, run)) or "file-0")
    found = Reproduction("file-0", "answered", verdict=VERDICT)
    monkeypatch.setattr(reproductions, "look", lambda home, name: found if name == "file-0" else None)
    app = drawn(stored, monkeypatch)
    shown(app.file_uploader[0].set_value(("x.toml", b"[experiment]", "application/toml")).run())
    shown(app.button("reproduce-upload").click().run())
    assert asked == [("[experiment]", None)] and address(app, "reproduction") == "file-0"
    assert "Identical" in said(app) and "Identical" in said(drawn(stored, monkeypatch, reproduction="file-0"))
    shown(app.file_uploader[0].set_value(("x.toml", b"\xff", "application/toml")).run())
    shown(app.button("reproduce-upload").click().run())
    assert "is not UTF-8 text" in said(app)


def test_a_stale_address(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not kept any more" in said(drawn(stored, monkeypatch, reproduction="../../etc"))
