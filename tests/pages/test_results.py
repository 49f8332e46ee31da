"""The page of results in its states: empty, nothing done, running, covered, revealed, filtered, odd and hostile."""

import base64
import html
import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.charts import bands, heatmap
from app.components import leaderboard
from app.services import executing, running
from app.services.home import Home
from app.services.question import CHOSEN, Question
from db.store import BENCHMARK, Condition, Container
from tests.pages.conftest import BAD_RUN, GOOD, GOOD_RUN, HOSTILE, LIVE_RUN, Open, address, said, shown


def board(app: AppTest) -> list[int]:
    """The containers of the leaderboard, as they are ranked."""
    return app.dataframe[0].value["container"].tolist()


def ranked(home: Path, *arguments: object, **options: object) -> list[Container]:
    with Home(home).store() as store:
        return store.containers(GOOD_RUN, *arguments, **options)  # type: ignore[arg-type]


def figures(app: AppTest) -> list[dict[str, object]]:
    """The figures of the page, as they are sent."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def widget(app: AppTest, kind: str, label: str) -> object:
    """A widget by its label: its key says what it shows, so that it is set anew when that changes."""
    return next(element for element in app.get(kind) if element.label == label)


def test_an_empty_home_says_what_to_do(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "results")
    assert [title.value for title in app.title] == ["Results"]
    assert "There are no results yet" in [element.value for element in app.subheader]
    assert app.get("page_link") and not app.dataframe


def test_a_home_that_cannot_be_used_says_so(page: Open, tmp_path: Path) -> None:
    (tmp_path / "bulkhead.sqlite").write_text("no database")
    assert 'role="alert"' in said(page(tmp_path, "results"))


def test_a_run_is_ranked_by_sharpe(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN)
    rows = ranked(stored, "sharpe", top=25)
    assert board(app) == [row.index for row in rows]
    frame = app.dataframe[0].value
    assert frame["sharpe"].tolist() == [row.metrics["sharpe"] for row in rows]
    assert frame["max_drawdown"].tolist() == pytest.approx([100 * row.metrics["max_drawdown"] for row in rows])
    assert frame["_cross_.fast"].tolist() == [row.params["_cross_.fast"] for row in rows]
    assert "30 of this hypothesis on this dataset" in said(app)
    assert "30 trials of this hypothesis on this dataset: the best of so many looks better than it is" in said(app)
    assert "never revealed" in said(app)
    assert len(figures(app)) == 2


def test_without_a_run_the_newest_with_results_is_shown(page: Open, full: Path) -> None:
    home = Home(full)
    with home.store() as store:
        running.create(store, running.check(home, GOOD), 1, "sequential")
    app = page(full, "results")
    assert widget(app, "selectbox", "Run").value == BAD_RUN and address(app, "run") == str(BAD_RUN)


@pytest.mark.parametrize("asked", ["99", "-1", "x", "<b>", "9" * 30])
def test_a_stale_link_says_so_and_offers_the_runs(page: Open, stored: Path, asked: str) -> None:
    app = page(stored, "results", run=asked)
    assert f"There is no run {html.escape(asked)} in this home; choose one above." in said(app)
    chooser = widget(app, "selectbox", "Run")
    assert chooser.value is None and not app.dataframe
    app = shown(chooser.select(GOOD_RUN).run())
    assert address(app, "run") == str(GOOD_RUN) and len(board(app)) == 25


def test_the_address_says_how_it_is_sorted_and_which_page(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, sort="_cross_.slow", order="desc", page=2, size=25)
    rows = ranked(stored, "_cross_.slow", descending=True, top=25, offset=25)
    assert board(app) == [row.index for row in rows] and len(rows) == 5
    assert widget(app, "selectbox", "Sorted by").value == "_cross_.slow"
    assert board(page(stored, "results", run=GOOD_RUN, page=99)) == [row.index for row in ranked(stored, "sharpe")[25:]]


def test_it_is_sorted_by_the_database_and_the_address_says_so(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, page=2)
    app = shown(widget(app, "selectbox", "Sorted by").select("volatility").run())
    assert board(app) == [row.index for row in ranked(stored, "volatility", top=25)]
    assert (address(app, "sort"), address(app, "order"), address(app, "page")) == ("volatility", None, None)
    app = shown(widget(app, "selectbox", "Order").select(True).run())
    assert board(app) == [row.index for row in ranked(stored, "volatility", descending=True, top=25)]
    assert address(app, "order") == "desc"
    app = shown(widget(app, "selectbox", "Per page").select(50).run())
    assert len(board(app)) == 30 and address(app, "size") == "50"


def test_what_an_address_gets_wrong_is_named_and_left_out(page: Open, stored: Path) -> None:
    app = page(
        stored, "results", run=GOOD_RUN, sort="<i>", where="x:[", x="<b>", y="7", metric="?", cell="!", scale="^"
    )
    assert "There is no metric or parameter &lt;i&gt; to sort by." in said(app)
    assert "The filter x:[ was not understood; it is left out." in said(app)
    assert board(app) == [row.index for row in ranked(stored, "sharpe", top=25)]


def test_a_filter_of_the_address_holds_everywhere(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, where="_cross_.fast:10..20")
    rows = ranked(stored, "sharpe", where=[Condition("_cross_.fast", low=10, high=20)])
    assert len(rows) == 9 and board(app) == [row.index for row in rows]
    assert "9 of 30 containers" in said(app) and "10 to 20" in said(app)
    assert any("9 containers" in caption.value for caption in app.caption)


def test_the_form_filters_and_can_be_cleared(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, page=2)
    widget(app, "multiselect", "_cross_.slow").select(1)  # by its place: 120
    app.number_input("trades").set_value(20)
    app.selectbox("bound-metric").select("max_drawdown")
    app.number_input("bound-low").set_value(-60)
    app = shown(app.button("apply-filters").click().run())
    where = [
        Condition("_cross_.slow", values=(120,)),
        Condition("trades", low=20),
        Condition("max_drawdown", low=-0.6),
    ]
    assert board(app) == [row.index for row in ranked(stored, "sharpe", where=where)]
    assert 0 < len(board(app)) < 10
    assert app.query_params["where"] == ["_cross_.slow:[120]", "trades:20..", "max_drawdown:-0.6.."]
    assert address(app, "page") is None
    assert widget(app, "multiselect", "_cross_.slow").value == [1], "the form holds what is in force"
    app = shown(app.button("clear").click().run())
    assert len(board(app)) == 25 and "where" not in app.query_params


def test_a_filter_that_nothing_passes_says_so(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, where="sharpe:50..")
    assert "No container passes the filter; widen it or clear it." in said(app)
    assert not app.dataframe and "0 of 30 containers" in said(app)


def test_those_that_failed_can_be_looked_at(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=BAD_RUN)
    assert len(board(app)) == 2 and "status" not in app.dataframe[0].value.columns
    app = page(stored, "results", run=BAD_RUN, where='status:["failed","crashed"]')
    frame = app.dataframe[0].value
    assert sorted(frame["status"]) == ["crashed", "crashed", "failed", "failed"]
    assert frame["sharpe"].isna().all()


def test_held_out_figures_are_nowhere_until_revealed_and_each_look_counts(page: Open, full: Path) -> None:
    best = ranked(full, "sharpe", top=1)[0]
    with Home(full).store() as store:
        run = store.run(GOOD_RUN)
    app = page(full, "results", run=GOOD_RUN)
    frame = app.dataframe[0].value
    assert not any(name.startswith("test_") for name in frame.columns)
    assert best.test_metrics["sharpe"] not in frame["sharpe"].tolist()
    equity = figures(app)[0]
    assert furthest(equity) < run.plan["test"]
    assert "held out, covered" in json.dumps(equity)
    covered = frame["equity"].iloc[0]
    app = shown(app.button("reveal").click().run())
    frame = app.dataframe[0].value
    assert frame["test_sharpe"].iloc[0] == best.test_metrics["sharpe"]
    assert board(app) == [row.index for row in ranked(full, "sharpe", top=25)], "the order is as before"
    assert furthest(figures(app)[0]) == run.plan["bars"] - 1
    assert frame["equity"].iloc[0][-1] != covered[-1], "the small chart goes on"
    assert "revealed 1 time" in said(app)
    app = shown(app.button("cover").click().run())
    assert "test_sharpe" not in app.dataframe[0].value.columns
    assert "revealed 2 times" in said(shown(app.button("reveal").click().run()))


def furthest(figure: dict[str, object]) -> int:
    """The last bar for which a figure has anything. (Plotly sends arrays as base64.)"""
    last = 0
    for trace in figure["data"]:
        x = trace["x"]
        last = max(last, int(max(np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]) if "bdata" in x else x)))
    return last


def test_buy_and_hold_and_the_chosen_stand_in_the_bands(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, chosen="7,3,999")
    names = [trace["name"] for trace in figures(app)[0]["data"]]
    assert names == [bands.OUTER, bands.INNER, bands.MEDIAN, bands.BENCHMARK_LINE, "Container 7", "Container 3"]
    with Home(stored).store() as store:
        benchmark = store.container(GOOD_RUN, BENCHMARK)
    assert f"{benchmark.metrics['sharpe']:.3f}" in said(app)
    app = page(stored, "results", run=GOOD_RUN, where="sharpe:50..")
    assert [trace["name"] for trace in figures(app)[0]["data"]] == [bands.BENCHMARK_LINE], "it is always there"


def test_the_scale_of_the_bands_stands_in_the_address(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN, scale="log")
    assert figures(app)[0]["layout"]["yaxis"]["type"] == "log"
    app = page(stored, "results", run=GOOD_RUN, scale="linear")
    assert figures(app)[0]["layout"]["yaxis"].get("type") != "log"


def test_a_metric_over_two_parameters(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN)
    layout = figures(app)[1]["layout"]
    assert layout["xaxis"]["title"]["text"] == "_cross_.fast" and layout["yaxis"]["title"]["text"] == "_cross_.slow"
    assert any(note["text"].startswith("best ") for note in layout["annotations"])
    assert "A cell is one container." in [caption.value for caption in app.caption]
    app = shown(widget(app, "selectbox", "Metric").select("trades").run())
    assert address(app, "metric") == "trades" and "annotations" not in figures(app)[1]["layout"]
    app = shown(widget(app, "selectbox", "Across").select("_cross_.slow").run())
    assert (address(app, "x"), address(app, "y")) == ("_cross_.slow", "_cross_.fast"), "they change places"
    assert figures(app)[1]["layout"]["xaxis"]["title"]["text"] == "_cross_.slow"
    app = page(stored, "results", run=GOOD_RUN, x="_cross_.slow", cell="best")
    assert figures(app)[1]["layout"]["xaxis"]["title"]["text"] == "_cross_.slow"


@pytest.mark.parametrize(("fast", "drawn"), [("[5, 10, 20]", 2), ("5", 1)])
def test_a_metric_over_one_parameter_or_none(page: Open, tmp_path: Path, fast: str, drawn: int) -> None:
    home = Home(tmp_path)
    text = GOOD.replace("{ from = 5, to = 50, step = 5 }", fast).replace("[60, 120, 180]", "60")
    with home.store() as store:
        prepared = running.check(home, text)
        executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    app = page(tmp_path, "results")
    assert len(figures(app)) == drawn
    if drawn == 2:
        names = [trace["name"] for trace in figures(app)[1]["data"]]
        assert names == ["Sharpe (median)", "Buy and hold"]
    else:
        assert "This run swept no parameter" in said(app)


def test_nothing_done_leads_to_the_reasons(page: Open, full: Path) -> None:
    home = Home(full)
    late = GOOD.replace("[execution]", "[limits]\nwall_seconds = 1e-6\n[execution]")
    with home.store() as store:
        prepared = running.check(home, late)
        executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    app = page(full, "results", run=LIVE_RUN)
    assert "None of its containers is done; 30 containers failed." in said(app)
    assert app.button("go-run").label == "See why" and not app.dataframe


def test_a_run_on_its_way_shows_what_is_done_so_far(page: Open, full: Path) -> None:
    home = Home(full)
    with home.store() as store:
        prepared = running.check(home, GOOD)
        run_id = running.create(store, prepared, 1, "sequential")
        app = page(full, "results", run=run_id)
        assert "None of its 30 containers is done yet." in said(app)
        executing.execute(store, prepared, run_id, 1, "sequential")
    import sqlite3

    connection = sqlite3.connect(full / "bulkhead.sqlite")
    with connection:
        connection.execute("UPDATE run SET status = 'queued' WHERE id = ?", (run_id,))
    connection.close()
    app = shown(app.run())
    assert "The run is queued: what follows is of the 30 containers done so far." in said(app)
    assert app.button("refresh") and len(board(app)) == 25


def test_names_are_shown_as_they_are(page: Open, stored: Path) -> None:
    app = page(stored, "results", run=GOOD_RUN)
    assert "&lt;script&gt;alert(2)&lt;/script&gt; *it pays*" in said(app)
    assert f"{GOOD_RUN} · {HOSTILE}" in widget(app, "selectbox", "Run").options
    rendered = [*app.markdown, *app.caption, *app.subheader, *app.title]
    assert not any("bold" in element.value or "pays" in element.value for element in rendered)
    assert all(note["text"].count("<") == 0 for note in figures(app)[1]["layout"]["annotations"])
    assert heatmap._plain("%{x}<b>") == "&#37;&#123;x}&lt;b&gt;"


def test_choosing_keeps_other_pages_and_stops_at_what_can_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Question] = []
    state: dict[str, object] = {}
    monkeypatch.setattr(leaderboard.asked, "tell", told.append)
    monkeypatch.setattr(leaderboard, "STATE", state)
    leaderboard._choose(Question(chosen=(90, 2)), [1, 2, 3], [0, 2])
    assert told[-1].chosen == (90, 1, 3) and "results.full" not in state
    leaderboard._choose(Question(chosen=(90,)), list(range(20)), list(range(9)))
    assert told[-1].chosen == (90, 0, 1, 2, 3, 4, 5, 6) and len(told[-1].chosen) == CHOSEN and state["results.full"]


def test_comparing_takes_two_at_least(page: Open, stored: Path) -> None:
    assert not [button for button in page(stored, "results", run=GOOD_RUN).button if button.key == "compare"]
    app = page(stored, "results", run=GOOD_RUN, chosen="3")
    assert app.button("compare").disabled and app.button("open").label == "Open"
    app = page(stored, "results", run=GOOD_RUN, chosen="3,29")
    assert app.button("compare").label == "Compare 2" and not app.button("compare").disabled
    app = shown(app.button("clear-choice").click().run())
    assert address(app, "chosen") is None
