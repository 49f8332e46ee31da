"""The page of a container in its states: empty, done, covered and revealed, explained, failed, stale and hostile."""

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.components.numbers import figure
from app.services.home import Home
from app.services.reading import Reading, read
from app.services.reproducing import DIFFERENT, Divergence, Verdict
from engine.errors import InputError
from engine.projections.trace import sentence
from tests.app.small import bulkhead, write
from tests.pages.conftest import BAD_RUN, GOOD_RUN, HOSTILE, Open, address, said, shown

INDEX = 3


@pytest.fixture(scope="module")
def reading(stored: Path) -> Reading:
    return read(Home(stored), GOOD_RUN, INDEX)


def chart(app: AppTest) -> dict[str, Any]:
    """The figure, as the browser gets it."""
    return charts(app)[0]


def charts(app: AppTest) -> list[dict[str, Any]]:
    """All figures of the page: the container's first, then that of the open section."""
    return [json.loads(found.proto.spec) for found in app.get("plotly_chart")]


def cells(text: str) -> list[list[str]]:
    """The rows of the page's small tables, as they are read."""
    rows = re.findall(r"<tr>(.*?)</tr>", text)
    return [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows
    ]


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


def test_the_open_section_stays_open_for_another_container(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Funnel", event=5)
    shown(app.number_input[0].set_value(7).run())
    assert (address(app, "section"), address(app, "event")) == ("Funnel", None)
    assert any("Nothing disappears" in caption.value for caption in app.caption)


def test_the_next_by_rank_is_a_click_away(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        board = [row.index for row in store.containers(GOOD_RUN, "sharpe")]
    app = page(stored, "container", run=GOOD_RUN, container=board[0])
    assert any(caption.value.startswith("rank 1 of 30") for caption in app.caption)
    assert app.button("Next better").disabled
    shown(app.button("Next worse").click().run())
    assert address(app, "container") == str(board[1])
    assert any(caption.value.startswith("rank 2 of 30") for caption in app.caption)
    other = page(stored, "container", run=GOOD_RUN, container=board[0], sort="<b>")
    assert any("by Sharpe" in caption.value for caption in other.caption)


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


def test_held_out_bars_are_covered_until_they_are_asked_for(page: Open, full: Path, reading: Reading) -> None:
    app = page(full, "container", run=GOOD_RUN, container=INDEX)
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


def test_each_look_at_held_out_bars_is_counted(page: Open, full: Path) -> None:
    app = page(full, "container", run=GOOD_RUN, container=INDEX)
    with Home(full).store() as store:
        assert store.run(GOOD_RUN).reveals == 0
    shown(app.button("reveal").click().run())
    with Home(full).store() as store:
        run = store.run(GOOD_RUN)
    assert run.reveals == 1 and run.revealed is not None
    shown(app.number_input[0].set_value(7).run())
    assert app.button("cover"), "the run is uncovered, whichever container is looked at"


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


def test_a_container_of_a_stage_whose_file_is_gone_is_shown_whole(page: Open, full: Path) -> None:
    shutil.rmtree(full / "stages")
    with Home(full).store() as store:
        done = next(row for row in store.containers(BAD_RUN) if row.status == "done")
    app = page(full, "container", run=BAD_RUN, container=done.index)
    assert figure("total_return", done.metrics["total_return"]) in said(app)
    assert app.get("plotly_chart")


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


def test_trades_lead_to_the_event_that_ended_them(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Trades")
    table = app.dataframe[0].value
    found = reading.trades()
    found = found[found["exit_bar"] < reading.test]
    assert len(table) == len(found) == reading.container.metrics["trades"]
    assert table["Profit"].tolist() == found["profit"].tolist()[::-1]
    assert table["Profit %"].iloc[-1] == pytest.approx(
        100 * found["profit"].iloc[0] / (found["entry_price"].iloc[0] * found["quantity"].iloc[0])
    )
    histogram = charts(app)[1]["data"][0]
    assert sum(_numbers(histogram["y"])) == len(found)


def test_figures_by_regime_leave_held_out_bars_out(page: Open, full: Path, reading: Reading) -> None:
    app = page(full, "container", run=GOOD_RUN, container=INDEX, section="Regimes")
    rows = {row[0]: row for row in cells(said(app))}
    for part in reading.by_regime(reading.test)[1:]:
        name = reading.regime_names[part.code]
        assert rows[name][1:3] == [f"{part.episodes:,}", f"{part.bars:,}"]
        assert rows[name][4] == figure("total_return", part.total_return)
        assert rows[name][5] == figure("sharpe", part.sharpe)
    shown(app.button("reveal").click().run())
    assert {row[0]: row for row in cells(said(app))}["calm"][2] != rows["calm"][2]


def test_few_episodes_are_flagged(page: Open, stored: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(part.episodes >= 10 for part in reading.by_regime(reading.test) if part.code >= 0)
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Regimes")
    assert "Few episodes" not in said(app)
    monkeypatch.setattr("app.components.by_regime.FEW_EPISODES", 10_000)
    assert "Few episodes: calm (" in said(shown(app.run()))


def test_the_funnel_says_what_was_refused_and_why(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Funnel")
    kinds = [row["kind"] for row in reading.events() if row["bar"] < reading.test]
    rows = {row[0]: row for row in cells(said(app))}
    assert rows["Signals"][1] == f"{kinds.count('SIGNAL'):,}" and rows["Orders"][1] == f"{kinds.count('ORDER'):,}"
    refused = sum(int(rows[name][2].replace(",", "")) for name in ("Signals", "Targets", "Orders"))
    assert refused == kinds.count("REJECTION") > 0
    assert "the target was 0, and nothing was held" in said(app)
    assert "from a stop" in rows["Orders"][3]


def test_the_buses_are_lanes_on_the_bars_of_the_figure(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Buses")
    above, lanes = charts(app)
    assert lanes["layout"]["xaxis"]["range"] == above["layout"]["xaxis"]["range"]
    assert lanes["layout"]["margin"]["l"] == above["layout"]["margin"]["l"]
    titles = [note["text"] for note in lanes["layout"]["annotations"]]
    assert titles == ["container", "classifier", "risk", "portfolio", "strategy _cross_"]
    rows = cells(said(app))
    assert ["classifier", "classifier", "BAR, INDICATOR", "REGIME"] in rows
    assert ["portfolio → risk", "TARGET"] in rows


def test_indicators_are_listed_and_drawn(page: Open, stored: Path, reading: Reading) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Indicators")
    assert "SMA(close, timeperiod=" in said(app)
    assert "_cross_.fast" not in {trace["name"] for trace in chart(app)["data"]}
    shown(app.multiselect(f"draw-{GOOD_RUN}-{INDEX}").select("_cross_.fast").select("volatility.level").run())
    traces = {trace["name"]: trace for trace in chart(app)["data"]}
    fast = traces["_cross_.fast"]
    hub = reading.shared.hub.get(reading.spec.strategies[0].indicators()["fast"])[:, 0]
    bars = [int(bar) for bar in _numbers(fast["x"])]
    assert _numbers(fast["y"])[50:60] == hub[bars][50:60].tolist(), "as the hub gives them"
    assert fast.get("yaxis", "y") == "y" and traces["volatility.level"]["yaxis"] == "y6"
    again = page(stored, "container", run=GOOD_RUN, container=INDEX, draw="_cross_.slow")
    assert "_cross_.slow" in {trace["name"] for trace in chart(again)["data"]}, "the choice stands in the address"
    odd = page(stored, "container", run=GOOD_RUN, container=INDEX, draw="<b>")
    assert "<b>" not in {trace["name"] for trace in chart(odd)["data"]}


def test_exposure_is_a_pane(page: Open, stored: Path, reading: Reading) -> None:
    traces = {trace["name"]: trace for trace in chart(page(stored, "container", run=GOOD_RUN, container=INDEX))["data"]}
    gross = traces["Gross weight"]
    mean = float(reading.account.gross[: reading.test - reading.first].mean())
    assert sum(_numbers(gross["y"])) / len(_numbers(gross["y"])) == pytest.approx(mean, abs=0.02)
    assert max(_numbers(gross["x"])) < reading.test


def test_its_cost_and_digests_are_shown_and_it_is_made_again(
    page: Open, stored: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Cost and reproduction")
    for words in ("Time", "CPU", "Peak memory"):
        assert words in said(app)
    codes = [code.value for code in app.code]
    assert reading.container.digest in codes and reading.container.spec_hash in codes
    assert f"bulkhead export {GOOD_RUN}/{INDEX} -o " in codes[-1] and "bulkhead reproduce " in codes[-1]
    shown(app.button("again").click().run())
    assert "Identical: run anew, it left the same bytes." in said(app)

    def refused(*_: object) -> None:
        raise InputError("<b>no data</b>")

    monkeypatch.setattr("app.components.run_facts.reproduce_apart", refused)
    shown(app.button("again").click().run())
    assert "It could not be run anew: &lt;b&gt;no data&lt;/b&gt;" in said(app)


def test_a_difference_is_shown_in_words_but_not_in_held_out_bars(
    page: Open, stored: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reading.events()
    early, late = rows[4], next(row for row in rows if row["bar"] >= reading.test)
    found: list[Verdict] = []
    monkeypatch.setattr("app.components.run_facts.reproduce_apart", lambda *_: found[-1])
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Cost and reproduction")
    for row, words in ((early, sentence(early)), (late, "in the held-out bars")):
        found.append(Verdict(DIFFERENT, 1, "a", "b", diverged=Divergence(0, row["seq"], row, None)))
        shown(app.button("again").click().run())
        assert "Different" in said(app) and html.escape(words) in said(app)
    assert sentence(late) not in said(app)


def test_files_are_offered(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX, section="Downloads")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == [
        "Config",
        *(f"{name} {form}" for name in ("Events", "Equity", "Trades") for form in ("CSV", "Parquet")),
    ]
    assert any("The held-out bars are left out" in caption.value for caption in app.caption)


@pytest.mark.parametrize("section", ["Events", "Trades", "Regimes", "Funnel", "Buses", "Indicators", "Downloads"])
def test_every_section_opens_for_buy_and_hold(page: Open, stored: Path, section: str) -> None:
    app = page(stored, "container", run=GOOD_RUN, container="benchmark", section=section)
    empty = {
        "Trades": "No round trip was closed",
        "Regimes": "This experiment has no classifier",
        "Indicators": "No stage of this container asked for an indicator",
    }
    if section in empty:
        assert any(empty[section] in caption.value for caption in app.caption)
    assert len(charts(app)) == (2 if section in ("Funnel", "Buses") else 1)


def test_a_section_that_is_not_there_is_passed_over(page: Open, stored: Path) -> None:
    assert events(page(stored, "container", run=GOOD_RUN, container=INDEX, section="<b>")) == list(range(15))


def test_only_the_open_section_is_worked_out(page: Open, stored: Path) -> None:
    app = page(stored, "container", run=GOOD_RUN, container=INDEX)
    assert len(charts(app)) == 1 and len(app.dataframe) == 1
    assert not any("Nothing disappears" in caption.value for caption in app.caption)


def test_assumptions_that_flatter_are_marked(page: Open, stored: Path) -> None:
    text = said(page(stored, "container", run=GOOD_RUN, container=INDEX))
    assert "every fill gets the open itself" in text, "no slippage"
    assert "trading is never free" not in text and "short positions" not in text


def test_without_held_out_bars_costs_and_classifier(page: Open, tmp_path: Path) -> None:
    text = """
[experiment]
name = "shorts"
[data]
dataset = "sp500"
start = 2015-01-01
[[strategy]]
kind = "ma_cross"
long_only = false
"""
    assert bulkhead(tmp_path, "run", write(tmp_path, text), "--workers", "1").code == 0
    told = said(page(tmp_path, "container", run=1, container=0))
    assert "trading is never free" in told and "short positions pay no fee" in told
    app = page(tmp_path, "container", run=1, container=0, section="Regimes")
    assert any("This experiment has no classifier" in caption.value for caption in app.caption)
    assert not any(button.key == "reveal" for button in app.button)


def test_times_are_those_of_the_markets_zone(page: Open, tmp_path: Path) -> None:
    bars = pd.date_range("2024-03-04 09:30", periods=800, freq="5min", tz="America/New_York")
    close = 100 + np.random.default_rng(2).normal(0, 0.3, len(bars)).cumsum()
    frame = pd.DataFrame(
        {"time": bars.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ"), "open": close, "high": close + 1}
    )
    frame.assign(low=close - 1, close=close, volume=1000).to_csv(tmp_path / "bars.csv", index=False)
    file = str(tmp_path / "bars.csv")
    assert bulkhead(tmp_path, "data", "add", file, "--name", "minutes", "--tz", "America/New_York").code == 0
    text = '[experiment]\nname = "m"\n[data]\ndataset = "minutes"\n[[strategy]]\nkind = "ma_cross"\nfast = 5\n'
    assert bulkhead(tmp_path, "run", write(tmp_path, text), "--workers", "1").code == 0
    reading = read(Home(tmp_path), 1, 0)
    fill = int(np.flatnonzero(reading.log["kind"] == 9)[0])
    utc = pd.Timestamp(reading.market.time[reading.log["bar"][fill]], tz="UTC")
    local = utc.tz_convert("America/New_York").strftime("%Y-%m-%d %H:%M")
    app = page(tmp_path, "container", run=1, container=0, event=fill)
    assert f"{local} · bar" in said(app), "in the chain of causes"
    table = app.dataframe[0].value
    assert str(table["time"][table["seq"] == fill].iloc[0])[:16] == local
    line = next(trace for trace in chart(app)["data"] if trace["name"] == "minutes")
    bar = int(reading.log["bar"][fill])
    assert line["customdata"][[int(x) for x in _numbers(line["x"])].index(bar)][0].startswith(local), "in the figure"
    zones = [caption.value for caption in app.caption if "America/New_York" in caption.value]
    assert len(zones) == 1, "the zone is said once"


def _numbers(values: Any) -> list[float]:
    """A column of a figure, which Plotly may have packed."""
    if isinstance(values, list):
        return values
    import base64

    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
