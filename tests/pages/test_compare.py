"""The page of comparisons in its states: empty, too few, many, covered and revealed, stale, hostile."""

import base64
import html
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.components.comparing_table import difference
from app.components.numbers import figure
from app.services import executing, running
from app.services.home import Home
from app.services.reading import read
from db.store import BENCHMARK
from engine.projections.catalogue import METRICS
from tests.pages.conftest import BAD_RUN, GOOD, GOOD_RUN, HOSTILE, Open, address, said, shown

THREE = f"{GOOD_RUN}/3,{GOOD_RUN}/7,{GOOD_RUN}/20"


def chart(app: AppTest) -> dict[str, Any]:
    """The figure, as the browser gets it."""
    (found,) = app.get("plotly_chart")
    return json.loads(found.proto.spec)


def rows(app: AppTest) -> dict[str, list[str]]:
    """The cells of the table by the name of their row, without differences; the last of a name."""
    found = {}
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", said(app)):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", re.sub(r'<div class="bh-change.*?</div>', "", row))
        found[html.unescape(cells[0])] = [html.unescape(re.sub("<.*?>", "", cell)) for cell in cells[1:]]
    return found


def another(home: Path, text: str) -> int:
    """A further run; its id."""
    with Home(home).store() as store:
        prepared = running.check(Home(home), text)
        run = running.create(store, prepared, 1, "sequential")
        executing.execute(store, prepared, run, 1, "sequential")
    return run


def reveals(home: Path) -> int:
    with Home(home).store() as store:
        return store.run(GOOD_RUN).reveals


def test_an_empty_home_leads_to_the_runs(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "compare")
    assert [element.value for element in app.subheader] == ["There is nothing to compare yet"]
    assert "There is nothing" in "".join(
        element.value for element in page(tmp_path, "compare", containers="1/2").subheader
    )


@pytest.mark.parametrize("query", [{}, {"containers": ""}, {"containers": f"{GOOD_RUN}/3"}])
def test_fewer_than_two_says_what_to_do(page: Open, stored: Path, query: dict[str, str]) -> None:
    app = page(stored, "compare", **query)
    assert [element.value for element in app.subheader] == ["Choose two to eight containers"]
    assert app.button("add").label == "Add" and not app.get("plotly_chart")


def test_the_best_of_the_newest_run_by_a_click(page: Open, full: Path) -> None:
    newest = another(full, GOOD)
    app = page(full, "compare")
    shown(app.button("suggest").click().run())
    with Home(full).store() as store:
        best = [row.index for row in store.containers(newest, "sharpe", top=3)]
    assert address(app, "containers") == ",".join(f"{newest}/{index}" for index in best)
    assert app.get("plotly_chart")


def test_figures_are_the_stores(page: Open, stored: Path) -> None:
    app = page(stored, "compare", containers=THREE)
    home = Home(stored)
    with home.store() as store:
        metrics = [store.container(GOOD_RUN, index).metrics for index in (3, 7, 20, BENCHMARK)]
    found = rows(app)
    labels = {"sharpe": "Sharpe", "total_return": "Total return", "max_drawdown": "Max drawdown", "trades": "Trades"}
    for name, label in labels.items():
        assert found[label] == [figure(name, values[name]) for values in metrics]
    assert len(re.findall(r'<tr data-metric="', said(app))) == len(METRICS)
    change = metrics[1]["sharpe"] - metrics[0]["sharpe"]
    assert f"{difference('sharpe', change)}</div>" in said(app)


def test_only_parameters_that_differ(page: Open, stored: Path) -> None:
    found = rows(page(stored, "compare", containers=f"{GOOD_RUN}/0,{GOOD_RUN}/1"))
    params = [read(Home(stored), GOOD_RUN, index).container.params for index in (0, 1)]
    assert params[0]["_cross_.fast"] == params[1]["_cross_.fast"]
    assert found["_cross_.slow"][:2] == [str(one["_cross_.slow"]) for one in params]
    assert "_cross_.fast" not in found and "risk.stop_loss" not in found
    same = said(page(stored, "compare", containers=f"{GOOD_RUN}/0,{GOOD_RUN}/-1"))
    assert "none: all parameters" not in same


def test_differences_are_taken_from_the_container_of_the_address(page: Open, full: Path) -> None:
    app = page(full, "compare", containers=THREE, base=f"{GOOD_RUN}/7")
    first, second = (read(Home(full), GOOD_RUN, index).container.metrics["cagr"] for index in (3, 7))
    assert f"{difference('cagr', first - second)}</div>" in said(app)
    picker = next(box for box in app.selectbox if box.label == "Differences from")
    assert picker.value == 1
    shown(picker.set_value(2).run())
    assert address(app, "base") == f"{GOOD_RUN}/20"
    stale = page(full, "compare", containers=THREE, base="9/9")
    assert next(box for box in stale.selectbox if box.label == "Differences from").value == 0


def test_the_scale_stands_in_the_address(page: Open, full: Path) -> None:
    app = page(full, "compare", containers=THREE)
    assert chart(app)["layout"]["yaxis"].get("type") != "log"
    shown(app.toggle[0].set_value(True).run())
    assert address(app, "scale") == "log" and chart(app)["layout"]["yaxis"]["type"] == "log"
    shown(app.toggle[0].set_value(False).run())
    assert address(app, "scale") is None


def test_a_container_keeps_its_colour(page: Open, stored: Path) -> None:
    app = page(stored, "compare", containers=THREE)
    lines = {trace["name"]: trace["line"] for trace in chart(app)["data"] if trace["type"] == "scatter"}
    text = "\n".join(element.proto.body for element in app.html)
    for place, index in enumerate((3, 7, 20)):
        color = lines[f"{GOOD_RUN}/{index}"]["color"]
        assert f".st-key-chip-{place} {{ border-left: 0.35rem solid {color}; }}" in text
        head = rf'border-top: 4px solid {color}"></span><div class="bh-compare-name">{GOOD_RUN}/{index}</div>'
        assert head in said(app)


def test_a_chip_removes_and_the_chooser_adds(page: Open, full: Path) -> None:
    app = page(full, "compare", containers=THREE)
    assert app.button("remove-1").label == f"Remove {GOOD_RUN}/7"
    shown(app.button("remove-1").click().run())
    assert address(app, "containers") == f"{GOOD_RUN}/3,{GOOD_RUN}/20"
    app.selectbox("add-run").set_value(GOOD_RUN)
    app.selectbox("add-which").set_value("by its number").run()
    app.number_input(f"add-number-{GOOD_RUN}").set_value(11)
    shown(app.button("add").click().run())
    assert address(app, "containers") == f"{GOOD_RUN}/3,{GOOD_RUN}/20,{GOOD_RUN}/11"
    app.number_input(f"add-number-{GOOD_RUN}").set_value(3)
    shown(app.button("add").click().run())
    assert f"Container {GOOD_RUN}/3 is chosen already." in said(app)
    app.selectbox("add-which").set_value("the run's buy and hold").run()
    shown(app.button("add").click().run())
    assert address(app, "containers").endswith(f",{GOOD_RUN}/-1")


def test_the_best_that_is_not_chosen_yet_is_added(page: Open, full: Path) -> None:
    with Home(full).store() as store:
        best = [row.index for row in store.containers(GOOD_RUN, "sharpe", top=3)]
    app = page(full, "compare", containers=f"{GOOD_RUN}/{best[0]}")
    app.selectbox("add-run").set_value(GOOD_RUN).run()
    shown(app.button("add").click().run())
    shown(app.button("add").click().run())
    assert address(app, "containers") == ",".join(f"{GOOD_RUN}/{index}" for index in best)


def test_eight_at_most(page: Open, stored: Path) -> None:
    app = page(stored, "compare", containers=",".join(f"{GOOD_RUN}/{index}" for index in range(10)))
    assert "10 containers were asked for; these are the first 8." in said(app)
    assert len([button for button in app.button if button.label.startswith("Remove ")]) == 8
    assert app.button("add").disabled
    assert len(app.get("plotly_chart")[0].proto.spec) < 1_000_000


def test_a_container_whose_stages_are_damaged_is_left_out(page: Open, full: Path) -> None:
    with sqlite3.connect(full / "bulkhead.sqlite") as connection:
        connection.execute("UPDATE source SET text = ''")
    app = page(full, "compare", containers=f"{GOOD_RUN}/3,{BAD_RUN}/0")
    assert f"Container {BAD_RUN}/0 is left out: " in said(app)
    assert [element.value for element in app.subheader] == ["Choose two to eight containers"]


@pytest.mark.parametrize("part", ["9/1", f"{GOOD_RUN}/999", "x", "<script>", f"{BAD_RUN}/2", "1/" + "9" * 18])
def test_stale_ones_are_named_and_the_others_compared(page: Open, stored: Path, part: str) -> None:
    app = page(stored, "compare", containers=f"{THREE},{part}")
    assert html.escape(part) in said(app) and len(rows(app)["Sharpe"]) == 4
    assert app.get("plotly_chart") and "<script>" not in said(app)


def test_one_run_is_a_fair_comparison(page: Open, stored: Path) -> None:
    assert "This is no A/B test" not in said(page(stored, "compare", containers=THREE))


INDEX = """
[experiment]
name = "index"
[data]
dataset = "sp500"
[[strategy]]
kind = "ma_cross"
"""


def test_other_data_and_costs_are_no_test(page: Open, full: Path) -> None:
    app = page(full, "compare", containers=f"{GOOD_RUN}/3,{another(full, INDEX)}/0")
    text = said(app)
    assert "This is no A/B test. These differ too: dataset, symbols, period, held out from, commission (bps)." in text
    found = rows(app)
    assert found["Commission (bps)"][:2] == ["5", "0"] and found["Dataset"][0].startswith("us-tech (")
    assert found["classifier"] == ["volatility", "–"]
    assert len([trace for trace in chart(app)["data"] if trace["name"].startswith("Buy and hold, run")]) == 4


def test_held_out_figures_are_covered_until_every_run_is_revealed(page: Open, full: Path) -> None:
    other = another(full, GOOD.replace("2010-01-01", "2009-01-02"))
    test = read(Home(full), GOOD_RUN, 3).test
    held = read(Home(full), GOOD_RUN, 3).container.test_metrics
    app = page(full, "compare", containers=f"{GOOD_RUN}/3,{other}/3")

    def last(app: AppTest) -> int:
        trace = next(trace for trace in chart(app)["data"] if trace["name"] == f"{GOOD_RUN}/3")
        return _numbers(trace["x"])[-1]

    assert last(app) == test - 1 and "Held-out bars</th>" not in said(app)
    assert figure("total_return", held["total_return"]) not in said(app)
    before = reveals(full)
    shown(app.button(f"reveal-{GOOD_RUN}").click().run())
    assert last(app) == test - 1 and "Held-out bars</th>" not in said(app), "the other run is covered still"
    assert reveals(full) == before + 1
    shown(app.button(f"reveal-{other}").click().run())
    assert last(app) > test and "Held-out bars</th>" in said(app)
    assert figure("total_return", held["total_return"]) in said(app)
    shown(app.button("cover").click().run())
    assert last(app) == test - 1 and "Held-out bars</th>" not in said(app)


def test_warnings_are_said_once_for_all(page: Open, stored: Path) -> None:
    text = said(page(stored, "compare", containers=f"{GOOD_RUN}/0,{GOOD_RUN}/1"))
    assert text.count("trials of this hypothesis on this dataset") == 1
    assert f"{GOOD_RUN}/0, {GOOD_RUN}/1: " in text


def test_hostile_names_are_shown_as_they_are(page: Open, stored: Path) -> None:
    app = page(stored, "compare", containers=THREE)
    assert html.escape(HOSTILE) in said(app) and "<img" not in said(app)
    assert "<img" not in app.get("plotly_chart")[0].proto.spec


def test_a_damaged_run_leaves_the_others(page: Open, full: Path) -> None:
    with sqlite3.connect(full / "bulkhead.sqlite") as connection:
        connection.execute("UPDATE container SET params = '{}' WHERE run_id = ? AND idx = 7", (GOOD_RUN,))
    app = page(full, "compare", containers=THREE)
    assert f"Container {GOOD_RUN}/7 is left out: container {GOOD_RUN}/7 is damaged" in said(app)
    assert len(rows(app)["Sharpe"]) == 3


def _numbers(packed: Any) -> list[int]:
    """An array as Plotly sends it."""
    if isinstance(packed, list):
        return packed
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist()
