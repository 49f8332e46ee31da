"""The page of a container in its states: empty, done, covered and revealed, explained, failed, stale and hostile."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.components.numbers import figure
from app.services.home import Home
from app.services.reading import Reading, read
from tests.pages.conftest import BAD_RUN, GOOD_RUN, HOSTILE, Open, address, said, shown

INDEX = 3


@pytest.fixture(scope="module")
def reading(stored: Path) -> Reading:
    return read(Home(stored), GOOD_RUN, INDEX)


def chart(app: AppTest) -> dict[str, Any]:
    """The figure, as the browser gets it."""
    found = app.get("plotly_chart")
    assert len(found) == 1
    return json.loads(found[0].proto.spec)


def events(app: AppTest) -> list[int]:
    return app.dataframe[0].value["seq"].tolist()


def test_an_empty_home_leads_to_the_runs(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "container")
    assert [element.value for element in app.subheader] == ["There is no container yet"]


def test_without_parameters_it_opens_the_newest_run(page: Open, stored: Path) -> None:
    app = page(stored, "container")
    assert app.selectbox[0].value == BAD_RUN
    assert app.number_input[0].value == 0
    assert f"Container 0 · run {BAD_RUN} poisoned" in said(app)


def test_another_container_is_chosen_by_number(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    shown(app.number_input[0].set_value(7).run())
    assert address(app, "container") == "7"
    assert "Container 7 · run" in said(app)


def test_the_header_says_what_it_was_and_what_it_earned(page: Open, stored: Path, reading: Reading) -> None:
    text = said(page(stored, "container", run=GOOD_RUN, container=INDEX))
    metrics = reading.container.metrics
    for name in ("total_return", "sharpe", "max_drawdown", "trades"):
        assert f'<div class="bh-value">{figure(name, metrics[name])}</div>' in text
    benchmark = read(Home(stored), GOOD_RUN, -1).container.metrics
    assert f"buy &amp; hold {figure('sharpe', benchmark['sharpe'])}" in text
    for words in ("_cross_.fast", "filled at the next open", "commission 5 bps, slippage 0 bps", "total return"):
        assert words in text
    assert "30 trials of this hypothesis" in text


def test_few_trades_are_a_warning(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        fewest = min(store.containers(GOOD_RUN), key=lambda container: container.metrics["trades"])
    assert fewest.metrics["trades"] < 30
    text = said(page(stored, "container", run=GOOD_RUN, container=fewest.index))
    assert f"{fewest.metrics['trades']:.0f} trades: with fewer than 30" in text


def test_held_out_bars_are_covered_until_they_are_asked_for(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    test = figure("sharpe", reading.container.test_metrics["sharpe"])
    equity = next(trace for trace in chart(app)["data"] if trace["name"] == "Equity")
    assert test not in said(app)
    assert max(_numbers(equity["x"])) == reading.test - 1
    before = f"of {int((reading.log['bar'] < reading.test).sum()):,} events"
    assert any(before in caption.value for caption in app.caption)

    shown(app.button("reveal").click().run())
    assert test in said(app)
    equity = next(trace for trace in chart(app)["data"] if trace["name"] == "Equity")
    assert max(_numbers(equity["x"])) == len(reading.market.time) - 1
    assert any(f"of {len(reading.log):,} events" in caption.value for caption in app.caption)

    shown(app.button("cover").click().run())
    assert test not in said(app)


def test_the_figure_has_all_panes_on_one_axis(page: Open, stored: Path) -> None:
    spec = chart(page(stored, "container", run=GOOD_RUN, container=INDEX))
    names = {trace["name"] for trace in spec["data"]}
    assert {"AAPL", "Buy", "Sell", "Regime", "calm", "turbulent", "Equity", "Buy and hold", "Drawdown"} <= names
    assert {trace.get("xaxis", "x") for trace in spec["data"]} == {"x"}
    assert any("held out" in note["text"] for note in spec["layout"]["annotations"])


def test_an_event_is_explained_back_to_its_bar(page: Open, stored: Path, reading: Reading) -> None:
    fill = next(row["seq"] for row in reading.events() if row["kind"] == "FILL")
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, event=fill)
    text = said(app)
    kinds = [text.index(f'<div class="bh-kind">{kind}</div>') for kind in ("FILL", "ORDER", "TARGET", "SIGNAL", "BAR")]
    assert kinds == sorted(kinds)
    for words in ("SMA(close, timeperiod=", "open", "high", "low", "close", "volume", "Also behind the target"):
        assert words in text
    assert fill in events(app), "the table shows the page with the event"
    shown(app.button("clear").click().run())
    assert address(app, "event") is None
    assert "bh-chain" not in said(app)


def test_the_bars_of_an_event_can_be_looked_at(page: Open, stored: Path, reading: Reading) -> None:
    fill = next(row["seq"] for row in reading.events() if row["kind"] == "FILL")
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, event=fill)
    spec = chart(shown(app.button("near").click().run()))
    bar = int(reading.log["bar"][fill])
    low, high = spec["layout"]["xaxis"]["range"]
    assert high - low < 130 and low < bar < high
    assert any(trace["type"] == "candlestick" for trace in spec["data"]), "few bars are candles"
    width = high - low
    spec = chart(shown(app.button("move1").click().run()))
    assert spec["layout"]["xaxis"]["range"] == [low + width // 2, high + width // 2]


def test_a_held_out_event_is_covered_too(page: Open, stored: Path, reading: Reading) -> None:
    late = int((reading.log["bar"] < reading.test).sum())
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, event=late)
    assert "bh-chain" not in said(app)
    assert any("held-out bars" in caption.value for caption in app.caption)


def test_events_are_filtered_and_paged(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    assert events(app) == list(range(15))
    name = f"{GOOD_RUN}-{INDEX}"
    app.multiselect(f"kind-{name}").select("FILL")
    shown(app.multiselect(f"symbol-{name}").select("IBM").run())
    wanted = [
        row["seq"]
        for row in reading.events()
        if row["kind"] == "FILL" and row["symbol"] == "IBM" and row["bar"] < reading.test
    ]
    assert events(app) == wanted[:15]
    shown(app.get("pagination")[0].set_value(2).run())
    assert events(app) == wanted[15:30]
    shown(app.slider(f"bars-{name}-{reading.test}").set_range(0, int(reading.log["bar"][wanted[3]])).run())
    assert events(app) == wanted[:4]


def test_another_symbol_has_its_own_prices(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    names = [trace["name"] for trace in chart(shown(app.selectbox(f"symbol-{GOOD_RUN}").select("IBM").run()))["data"]]
    assert "IBM" in names and "AAPL" not in names


def test_an_event_brings_its_symbol_along(page: Open, stored: Path, reading: Reading) -> None:
    fill = next(row["seq"] for row in reading.events() if row["kind"] == "FILL" and row["symbol"] == "IBM")
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, event=fill)
    assert app.selectbox(f"symbol-{GOOD_RUN}").value == "IBM"
    assert "Chosen" in [trace["name"] for trace in chart(app)["data"]]
    assert not app.warning


def test_buy_and_hold_opens_too(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container="benchmark")
    assert "Buy and hold · run" in said(app)
    assert "trials" not in said(app), "nobody chose it among many"


def test_a_failed_container_shows_its_error(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        failed = next(row for row in store.containers(BAD_RUN) if row.status == "failed")
    app = page(stored, "container", run=BAD_RUN, container=failed.index)
    assert "It did not finish: failed." in said(app)
    assert "poison.mode" in said(app)
    assert "Traceback" in app.code[0].value and "poison: on purpose" in app.code[0].value
    assert not app.get("plotly_chart")


def test_a_container_whose_stage_is_gone_still_shows_its_figures(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        done = next(row for row in store.containers(BAD_RUN) if row.status == "done")
    text = said(page(stored, "container", run=BAD_RUN, container=done.index))
    assert figure("total_return", done.metrics["total_return"]) in text
    assert "no such kind &#x27;poison&#x27;" in text


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ({"run": "99"}, "There is no run 99 in this home; choose one above."),
        ({"run": "<b>"}, "There is no run &lt;b&gt; in this home; choose one above."),
        ({"run": "1", "container": "30"}, "There is no container 30 in run 1, which has 30 containers"),
        ({"run": "1", "container": "x"}, "There is no container x in run 1, which has 30 containers"),
        ({"run": "9" * 40, "container": "9" * 40}, "in this home; choose one above."),
    ],
)
def test_a_stale_link_says_so(page: Open, stored: Path, query: dict[str, str], line: str) -> None:
    app = page(stored, "container", **query)
    assert line in said(app)
    assert not app.get("plotly_chart")


def test_a_stale_run_can_be_left_for_the_newest(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=99)
    shown(app.selectbox[0].select(BAD_RUN).run())
    assert address(app, "run") == str(BAD_RUN)


@pytest.mark.parametrize("event", ["-1", "x", "999999999", "9" * 40])
def test_an_event_that_is_not_there_is_passed_over(page: Open, stored: Path, event: str) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, event=event)
    assert "bh-chain" not in said(app)


def test_names_are_shown_as_they_are(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    assert html.escape(HOSTILE) in said(app)
    assert "<img" not in said(app)
    rendered = [*app.markdown, *app.caption, *app.subheader, *app.title]
    assert not any("bold" in element.value for element in rendered)


def test_the_config_can_be_downloaded(page: Open, stored: Path) -> None:
    assert page(stored, "container", run=GOOD_RUN, container=INDEX).get("download_button")


def _numbers(values: Any) -> list[float]:
    """A column of a figure, which Plotly may have packed."""
    if isinstance(values, list):
        return values
    import base64

    import numpy as np

    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
