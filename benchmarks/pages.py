"""How long a person waits for a page, what it weighs, and what watching a run costs.

    .venv/bin/python -m benchmarks.pages [--repeats 10] [--only results sorted compare container progress newcomer]

In Chromium, on a home with a run of 10,000 containers and one on 100,000 bars of five minutes. Each time is from a
click in the open app to painted (`browser.py`), the median of the repeats after a first visit; that one is shown beside
it, and what the server sent for it is counted, since a later visit is sent less.

- results: the button *Results* of a run of 10,000: until the leaderboard is drawn, until its charts are
- sorted: a click on a heading of that leaderboard, until the new order is drawn
- compare: *Compare* of eight chosen containers, until the figure is drawn and the page is done
- container: a row of the leaderboard on 100,000 bars, until the figure is drawn and the page is done; a container that
  nobody has opened before, and one that somebody has
- progress: throughput of a run of 10,000 with three tabs open on the page of runs, against none, in turns
- newcomer: clicks from an empty home to a finished run

Prints a table; writes `results/pages.json`. It needs the test tools (`make test` installs them) and Chromium.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks import walk
from benchmarks.browser import IDLE, Tab, chart, chromium, serving, tab_at, table
from benchmarks.throughput import LARGE, TOP, bulkhead, machine, run, say, versions

HERE = Path(__file__).resolve().parent
WALK = HERE / "configs" / "walk.toml"
#: Runs of the home.
WALK_RUN, LARGE_RUN = 1, 2
CHOSEN = "7,9,100,2000,3000,4000,5000,6000"
BOARD = ".stElementContainer[class*='st-key-board-']"
FIGURE = ".stElementContainer[class*='st-key-figure-']"
#: Rows of the leaderboard that are in sight.
ROWS = 10
#: Where a heading lies that sorts: Total return.
HEADING = 660
PAIRS = 5
TABS = 3
#: Seconds between opening the tabs and the run.
REST = 4.0
#: Seconds, bytes, share, clicks.
TARGETS = {
    "results: leaderboard": 1.0,
    "results: charts": 3.0,
    "sorted": 0.5,
    "compare of eight": 1.5,
    "container on 100,000 bars, new": 1.5,
    "container on 100,000 bars, again": 1.5,
}
MOST_BYTES = 3_000_000
MOST_LOSS = 0.10
MOST_CLICKS = 2
Times = dict[str, float]


def prepare(home: Path) -> None:
    """The home: a dataset of 100,000 bars and a run on it, then the run of 10,000."""
    with tempfile.TemporaryDirectory() as folder:
        bars = Path(folder) / "walk.parquet"
        walk.write(bars)
        for command in (
            ("data", "add", bars, "--name", "walk", "--adjustment", "total_return"),
            ("run", WALK),
            ("run", LARGE),
        ):
            call = [*bulkhead(), *command, "--home", home, "--json"]
            subprocess.run(call, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=TOP)


def at_runs(tab: Tab, _: int) -> None:
    tab.go("Runs")


def results(tab: Tab, _: int) -> Times:
    """From the page of runs to the results of its newest run, the one of 10,000."""
    return tab.time(
        tab.page.locator(".st-key-results button").click,
        leaderboard=table(BOARD),
        charts=f"{chart('.st-key-bands')} && {chart('.st-key-heatmap')}",
    )


def as_it_is(tab: Tab, _: int) -> None:
    """The page that the last visit left."""


def resorted(tab: Tab, _: int) -> Times:
    """On the page of results. The table in a new order is a new one, which its name says."""
    before = tab.page.locator(BOARD).get_attribute("class")
    new = f"document.querySelector({json.dumps(BOARD)})?.className !== {json.dumps(before)}"
    return tab.time(lambda: tab.cell(BOARD, -1, HEADING), sorted=f"{new} && {table(BOARD)}")


def at_chosen(tab: Tab, _: int) -> None:
    tab.open(f"/results?run={LARGE_RUN}&chosen={CHOSEN}")


def compared(tab: Tab, _: int) -> Times:
    """From the page of results, where eight are chosen."""
    return tab.time(
        tab.page.locator(".st-key-compare button").click,
        page=f"location.pathname === '/compare' && {chart('.st-key-figure')} && {IDLE}",
    )


def at_walk(tab: Tab, _: int) -> None:
    tab.open(f"/results?run={WALK_RUN}")


def container(tab: Tab, visit: int) -> Times:
    """From the leaderboard of the run on 100,000 bars, another of the ten rows in sight each time."""
    return tab.time(
        lambda: tab.cell(BOARD, visit % ROWS),
        page=f"location.pathname === '/container' && {chart(FIGURE)} && {IDLE}",
    )


def repeated(
    tab: Tab, ready: Callable[[Tab, int], None], visit: Callable[[Tab, int], Times], repeats: int
) -> dict[str, Any]:
    """A first visit, whose bytes are counted, and `repeats` more; each gets the number of the visit."""
    ready(tab, 0)
    with tab.counted() as sent:
        first = visit(tab, 0)
    found = []
    for place in range(1, repeats + 1):
        ready(tab, place)
        found.append(visit(tab, place))
    return {"first": first, "bytes": sent[0], "times": {name: [each[name] for each in found] for name in first}}


def row(name: str, found: dict[str, Any], thing: str) -> dict[str, Any]:
    """What stands in the table."""
    values = [value / 1000 for value in found["times"][thing]]
    return {
        "name": name,
        "unit": "s",
        "target": TARGETS[name],
        "measured": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
        "first": found["first"][thing] / 1000,
        "bytes": found["bytes"],
        "values": values,
    }


def measure_results(browser: Browser, address: str, repeats: int) -> list[dict[str, Any]]:
    with tab_at(browser, address) as tab:
        found = repeated(tab, at_runs, results, repeats)
    return [row("results: leaderboard", found, "leaderboard"), row("results: charts", found, "charts")]


def measure_sorted(browser: Browser, address: str, repeats: int) -> list[dict[str, Any]]:
    with tab_at(browser, address, f"/results?run={LARGE_RUN}") as tab:
        return [row("sorted", repeated(tab, as_it_is, resorted, repeats), "sorted")]


def measure_compare(browser: Browser, address: str, repeats: int) -> list[dict[str, Any]]:
    with tab_at(browser, address) as tab:
        return [row("compare of eight", repeated(tab, at_chosen, compared, repeats), "page")]


def measure_container(browser: Browser, address: str, repeats: int) -> list[dict[str, Any]]:
    found = []
    for name in ("container on 100,000 bars, new", "container on 100,000 bars, again"):
        with tab_at(browser, address) as tab:
            found.append(row(name, repeated(tab, at_walk, container, min(repeats, ROWS - 1)), "page"))
    return found


def measure_progress(browser: Browser, pairs: int) -> list[dict[str, Any]]:
    """A run of 10,000 with tabs open on its page against one without, in turns, in one home."""
    workers = len(os.sched_getaffinity(0))
    rates: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="bulkhead-pages-") as folder:
        home = Path(folder)
        run(LARGE, workers, home)
        with serving(home) as address:
            for pair in range(pairs):
                for watched in (False, True) if pair % 2 == 0 else (True, False):
                    with contextlib.ExitStack() as tabs:
                        for _ in range(TABS if watched else 0):
                            tabs.enter_context(tab_at(browser, address))
                        time.sleep(REST)  # the tabs are open, not being opened; the other turn rests as long
                        found = run(LARGE, workers, home)
                    rates[watched].append(10_000 / found["run_seconds"])
                    say(f"{pair + 1}/{pairs}  {TABS if watched else 0} tabs: {rates[watched][-1]:,.0f}/s")
    alone, watched_rate = statistics.median(rates[False]), statistics.median(rates[True])
    return [
        {
            "name": f"throughput lost to {TABS} tabs",
            "unit": "share",
            "target": MOST_LOSS,
            "measured": 1 - watched_rate / alone,
            "alone": rates[False],
            "watched": rates[True],
        }
    ]


def measure_newcomer(browser: Browser) -> list[dict[str, Any]]:
    """From an empty home to a finished run, as the page offers it."""
    with (
        tempfile.TemporaryDirectory(prefix="bulkhead-pages-") as folder,
        serving(Path(folder)) as address,
        tab_at(browser, address) as tab,
    ):
        tab.page.get_by_role("button", name="Run the sample").click()
        tab.page.locator(".bh-badge.bh-done").wait_for()
        tab.page.get_by_role("progressbar").wait_for(state="detached")
        clicks = tab.page.evaluate("() => window.__clicks")
    return [{"name": "clicks to a finished run", "unit": "clicks", "target": MOST_CLICKS, "measured": clicks}]


def measure(given: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    found["versions"] = versions() | {name: version(name) for name in ("streamlit", "plotly")}
    timed = {
        "results": measure_results,
        "sorted": measure_sorted,
        "compare": measure_compare,
        "container": measure_container,
    }
    rows: list[dict[str, Any]] = []
    with chromium() as browser:
        found["versions"]["chromium"] = browser.version
        if set(given.only) & set(timed):
            with tempfile.TemporaryDirectory(prefix="bulkhead-pages-") as folder:
                say("making the home ...")
                prepare(Path(folder))
                with serving(Path(folder)) as address:
                    for name in given.only:
                        if name in timed:
                            say(f"{name} ...")
                            rows += timed[name](browser, address, given.repeats)
        if "progress" in given.only:
            rows += measure_progress(browser, given.pairs)
        if "newcomer" in given.only:
            rows += measure_newcomer(browser)
    found["machine"]["load_average_after"] = machine()["load_average_before"]
    return found | {"repeats": given.repeats, "rows": rows}


def _written(value: float, unit: str) -> str:
    return {"s": f"{value:.2f} s", "share": f"{value:.1%}", "clicks": f"{value:.0f}"}[unit]


def report(found: dict[str, Any]) -> str:
    """The result to read: target beside measured."""
    host = f"{found['machine']['processor']}, {found['machine']['cores']} cores"
    own = ", ".join(f"{name} {found['versions'][name]}" for name in ("bulkhead", "streamlit", "plotly", "chromium"))
    lines = [
        f"{found['date']}  {host}; {own}",
        "",
        f"{'':<36}{'target':>10}{'measured':>10}{'lowest':>9}{'highest':>9}{'first':>9}{'sent':>10}",
    ]
    for each in found["rows"]:
        unit = each["unit"]
        more = ("lowest", "highest", "first")
        line = f"{each['name']:<36}{'≤ ' + _written(each['target'], unit):>10}{_written(each['measured'], unit):>10}"
        line += "".join(f"{_written(each[name], unit) if name in each else '':>9}" for name in more)
        line += f"{each['bytes'] / 1e6:>7.2f} MB" if "bytes" in each else f"{'':>10}"
        met = each["measured"] <= each["target"] and each.get("bytes", 0) < MOST_BYTES
        lines.append(f"{line}  {'' if met else 'missed'}".rstrip())
    lines.append(f"sent: to the browser for the first visit; target below {MOST_BYTES / 1e6:g} MB")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("results", "sorted", "compare", "container", "progress", "newcomer")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="runs with tabs and without, each")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "pages.json")
    given = parser.parse_args()
    found = measure(given)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(found, indent=1) + "\n")
    print(report(found))
    if found["machine"]["load_average_before"][0] > 0.5:
        print("the machine was busy with something else: measure again", file=sys.stderr)


if __name__ == "__main__":
    main()
