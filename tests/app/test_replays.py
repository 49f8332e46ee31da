"""Replays of stored logs: what is refused, what is marked, and that an export of one gives the same anywhere."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from app.services import replays, running, signals
from app.services.home import Home
from app.services.reading import read
from engine.errors import ConfigError, StoreError
from tests.app.own import FILES, OWN, stage_files
from tests.app.signals import BACKTEST, GENERATION, REPLAY, run
from tests.app.small import LATE, bulkhead, refused, unchanged, write

#: A strategy that knows its position.
LADDER = '''
from bulkhead import BarStrategy


class Ladder(BarStrategy):
    """Half long while it makes no loss."""

    kind = "my_ladder"

    def on_bar(self, bar):
        return 0.5 if bar.position[0] == 0.0 or bar.close[0] >= bar.entry[0] else 0.0
'''
OTHER_REGIMES = GENERATION.replace('kind = "volatility"', 'kind = "volatility"\nwindow = 60')
OTHER_SYMBOLS = GENERATION.replace('["AAPL", "IBM"]', '["AAPL", "MSFT"]')
OTHER_END = GENERATION.replace("2008-12-31", "2007-12-31")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """1: generation; 2: other regimes; 3: other symbols; 4: an earlier end; 5: traded; 6: an imported log; 7: late."""
    folder = tmp_path_factory.mktemp("replays")
    for text in (GENERATION, OTHER_REGIMES, OTHER_SYMBOLS, OTHER_END, BACKTEST):
        run(folder, folder, text)
    (folder / "alpha.csv").write_text(
        "time,symbol,value\n2001-07-02,AAPL,0.5\n2001-07-02,IBM,-0.25\n2004-01-05,AAPL,-1\n2006-03-01,IBM,1\n"
    )
    told = bulkhead(
        folder, "signals", "add", str(folder / "alpha.csv"), "--name", "alpha", "--dataset", "us-tech", "--end",
        "2008-12-31",
    )  # fmt: skip
    assert told.code == 0, told.err
    run(folder, folder, LATE, code=1)
    Home(folder).datasets.get("sp500")  # a sample is installed when it is first named
    return folder


def replay(*signals: str, more: str = "", data: str = "") -> str:
    listed = ", ".join(f'"{name}"' for name in signals)
    return (
        f'[experiment]\nname = "r"\npattern = "signal_replay"\n[data]\n{data}\n[replay]\nsignals = [{listed}]\n{more}'
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (replay("1/0", "3/0"), ["1/0 and 3/0 have other symbols", "AAPL, MSFT"]),
        (replay("1/0", "4/0"), ["1/0 and 4/0 end on different bars", "[data] end = 2007-12-31"]),
        (replay("4/0", data="end = 2008-06-02"), ["end 2008-06-02 lies after the end of 4/0, 2007-12-31"]),
        (replay("1/0", "2/0"), ["1/0 and 2/0 have different regimes", 'regimes = "1/0"']),
        (replay("1/0", more='regimes = "6/0"'), ["regimes: 6/0 has none"]),
        (replay("1/0", "1/0"), ["named twice"]),
        (replay("9/0"), ["there is no run 9"]),
        (replay("1/7"), ["no container 1/7"]),
        (replay("7/0"), ["container 7/0 is timed_out"]),
        (replay("0123456789abcdef"), ["no signals 0123456789ab in this home", "signals list"]),
        (replay("1/0/0"), ["neither RUN/INDEX nor a digest"]),
        (replay("1/0", data='dataset = "sp500"'), ["'sp500'", "is not what 1/0 was made on"]),
        (replay("1/0", data="test_start = 2020-01-01"), ["test_start 2020-01-01"]),
        (replay("1/0") + '[classifier]\nkind = "volatility"\n', ["[classifier] takes no part in a replay"]),
        (replay("1/0") + '[[strategy]]\nkind = "macd"\n', ["[strategy] takes no part"]),
        ('[experiment]\nname = "r"\npattern = "signal_replay"\n', ["[replay]", "RUN/INDEX"]),
        (GENERATION + '[replay]\nsignals = ["1/0"]\n', ["[replay] goes with"]),
        (replay("1/0") + "[risk]\nregime_scale = { sunny = 1.0 }\n", ["sunny"]),
        (replay("1/0", "1/1") + '[ensemble]\nmethod = "fixed"\nweights = [1]\n', ["weights"]),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_line(home, tmp_path, text, words):
    with unchanged(home):
        refused(bulkhead(home, "run", write(tmp_path, text)), *words)


def test_ends_that_differ_can_be_cut_alike(home, tmp_path):
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    run(folder, tmp_path, replay("1/0", "4/0", data="end = 2007-12-31"))
    log = replays.signal_log(Home(folder), "8/0")
    assert str(log.end) == "2007-12-31" and log.bars == len(read(Home(folder), 4, 0).market.time)


def test_a_dataset_that_changed_since_is_refused_until_it_is_pinned(tmp_path):
    days = [f"2024-01-{day:02},{10 + day % 7}" for day in range(1, 29)]
    home, text = tmp_path / "home", GENERATION
    for line in (
        'symbols = ["AAPL", "IBM"]\n',
        "start = 2000-06-01\n",
        "end = 2008-12-31\n",
        "test_start = 2007-01-03\n",
    ):
        text = text.replace(line, "")
    text = text.replace("us-tech", "mine").replace("fast = [5, 10]", "fast = 2").replace("slow = 40", "slow = 5")
    text = text.replace('[classifier]\nkind = "volatility"\n', "")

    def add(rows: list[str]) -> str:
        path = tmp_path / "mine.csv"
        lines = [",".join([date, *[price] * 4, "1"]) for date, price in (row.split(",") for row in rows)]
        path.write_text("\n".join(["date,open,high,low,close,volume", *lines]))
        told = bulkhead(home, "data", "add", str(path), "--name", "mine", "--json")
        assert told.code == 0, told.err
        return told.json["hash"]

    old = add(days)
    run(home, tmp_path, text)
    assert add([*days[:-1], "2024-01-28,99"]) != old
    path = write(tmp_path, replay("1/0"))
    refused(bulkhead(home, "run", path), "dataset 'mine' has changed since 1/0", f'dataset = "{old[:12]}"')
    run(home, tmp_path, replay("1/0", data=f'dataset = "{old[:12]}"'))
    with Home(home).store() as store:
        assert store.run(2).dataset_hash == old


def test_signals_that_depend_on_fills_are_refused(tmp_path):
    stage_files(tmp_path, my_ladder=LADDER)
    run(tmp_path, tmp_path, BACKTEST.replace('kind = "ma_cross"\nfast = [5, 10]\nslow = 40', 'kind = "my_ladder"'))
    refused(bulkhead(tmp_path, "run", write(tmp_path, replay("1/0"))), "'my_ladder' depend on its own fills")
    assert signals.report_of(Home(tmp_path), 1, 0)["bars"] > 0  # what they are worth can be asked all the same


@pytest.mark.parametrize(
    ("name", "start", "marked"),
    [
        ("1/0", "2007-01-03", False),
        ("1/0", "2006-06-01", True),
        ("1/0", "2008-01-02", False),
        ("6/0", "2007-01-03", True),
    ],
)
def test_logs_chosen_with_knowledge_of_held_out_bars_are_marked(home, tmp_path, name, start, marked):
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    told = bulkhead(folder, "run", write(tmp_path, replay(name, data=f"test_start = {start}")), "--workers", "1")
    assert told.code == 0 and ("with knowledge of bars" in told.err) == marked
    with Home(folder).store() as store:
        assert store.run(8).plan["told"]["knowing"] == ([name] if marked else [])


def test_a_log_whose_test_figures_were_looked_at_is_marked(tmp_path):
    run(tmp_path, tmp_path, GENERATION)
    run(tmp_path, tmp_path, BACKTEST)
    assert bulkhead(tmp_path, "container", "2/0", "--reveal").code == 0
    path = write(tmp_path, replay("2/0", data="test_start = 2007-01-03"))
    assert "with knowledge" in bulkhead(tmp_path, "run", path, "--workers", "1").err


def test_one_digest_on_other_bars_is_told_apart(tmp_path):
    """The signals of buy and hold are the same numbers for any symbol."""
    hold = GENERATION.replace('kind = "ma_cross"\nfast = [5, 10]\nslow = 40', 'kind = "buy_and_hold"')
    hold = hold.replace('[classifier]\nkind = "volatility"\n', "")
    for symbol in ("AAPL", "IBM", "IBM"):
        run(tmp_path, tmp_path, hold.replace('"AAPL", "IBM"', f'"{symbol}"'))
    with Home(tmp_path).store() as store:
        digests = {store.container(number, 0).signals_digest for number in (1, 2, 3)}
        (digest,) = digests
    with pytest.raises(StoreError, match="could be 1/0 or 2/0, made on different bars"):
        replays.place(Home(tmp_path), digest)
    run(tmp_path, tmp_path, replay("2/0"))
    exported = bulkhead(tmp_path, "export", "4").out
    assert exported.count(digest) == 2 and '"IBM"' in exported and '"AAPL"' not in exported
    for place in (tmp_path, tmp_path / "empty"):
        told = bulkhead(place, "reproduce", write(tmp_path, exported), "--json")
        assert told.json["verdict"] == "identical", told
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)


# --- handed on -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def handed(home, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A home with replays: 8 of generated logs, 9 of a traded and an imported one, 10 of the replay 8."""
    folder = tmp_path_factory.mktemp("handed")
    shutil.copytree(home, folder, dirs_exist_ok=True)
    run(folder, folder, REPLAY)
    run(folder, folder, replay("5/1", "6/0", more='regimes = "2/0"\n') + "[risk]\nstop_loss = [0.05, 0.1]\n")
    run(folder, folder, replay("8/1", "1/0"))
    return folder, {
        name: bulkhead(folder, "export", name).out for name in ("1", "1/1", "8", "8/1", "9", "9/0", "10", "10/0")
    }


@pytest.mark.parametrize("name", ["1", "1/1", "8", "8/1", "9", "9/0", "10", "10/0"])
def test_an_export_gives_the_same_here_and_in_an_empty_home(handed, tmp_path, name):
    home, exported = handed
    path = write(tmp_path, exported[name])
    with unchanged(home):
        assert bulkhead(home, "reproduce", path, "--json").json["verdict"] == "identical"
    told = bulkhead(tmp_path / "empty", "reproduce", path, "--json")
    assert told.code == 0 and told.json["verdict"] == "identical", told.err
    assert [item.name for item in (tmp_path / "empty").iterdir()] == ["datasets"]


def test_what_an_export_pins(handed):
    home, exported = handed
    raw = tomllib.loads(exported["8"])
    assert "# which logs" in exported["8"] and raw["ensemble"]["weights"] == [[1, 0], [0.25, 0.75]]
    with Home(home).store() as store:
        digests = [store.container(1, index).signals_digest for index in (0, 1)]
    assert raw["replay"]["signals"] == digests == [log["digest"] for log in raw["log"]]
    one = tomllib.loads(exported["8/1"])
    assert one["ensemble"]["weights"] == [0.25, 0.75] and one["log"] == raw["log"] and "symbols" not in one["data"]
    mixed = tomllib.loads(exported["9"])["log"]
    assert [sorted(log) for log in mixed if "rows" in log] == [
        ["dataset_hash", "digest", "end", "first", "name", "rows", "symbols"]
    ]
    assert len(mixed) == 3  # the log whose regimes count comes along, too
    nested = tomllib.loads(exported["10"])["log"]
    assert "[[log]]" in nested[0]["config"] and "[[log]]" not in nested[1]["config"]


def test_an_exported_replay_runs_and_is_exported_as_it_was(handed, tmp_path):
    home, exported = handed
    again = tmp_path / "again"
    run(again, tmp_path, exported["9"])
    found = bulkhead(again, "export", "1").out
    assert found == exported["9"].replace("reproduce': run 9", "reproduce': run 1", 1)
    with Home(again).store() as store, Home(home).store() as first:
        assert store.run(1).digest == first.run(9).digest


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("8", "fast = 5", "fast = 6", "comes out different here"),
        ("8/1", "slow = 40", "slow = 41", "comes out different here"),
        ("9", "2004-01-05T00:00:00,AAPL,-1.0", "2004-01-05T00:00:00,AAPL,-0.9", "its rows were changed"),
        ("9", "2004-01-05T00:00:00,AAPL", "2004-01-05T00:00:00,IBM", "its rows were changed"),
        ("9", "2004-01-05T00:00:00,AAPL", "2004-01-04T00:00:00,AAPL", "is no bar of AAPL"),
        ("9", "time,symbol,value", "time,symbol,weight", "its rows cannot be read"),
        ("9", "AAPL,-1.0", "AAPL,-7.0", "no number in [-1, 1]"),
        ("9", "first = ", "first = 9999999 # ", "lies after the last"),
        ("10", "fast = 10", "fast = 11", "comes out different here"),
    ],
)
def test_an_export_whose_logs_were_changed_is_refused(handed, tmp_path, name, old, new, words):
    """In the home that has the logs, too: what a file says made them is what counts."""
    home, exported = handed
    assert old in exported[name]
    path = write(tmp_path, exported[name].replace(old, new, 1 if name != "10" else -1))
    for place in (home, tmp_path / "empty"):
        refused(bulkhead(place, "reproduce", path), words)


def test_a_replay_that_was_changed_is_different(handed, tmp_path):
    home, exported = handed
    path = write(tmp_path, exported["8/1"].replace("stop_loss = 0.1", "stop_loss = 0.2"))
    told = bulkhead(home, "reproduce", path, "--json")
    assert told.code == 1 and told.json["verdict"] == "different" and told.json["diverged"]["index"] == 0


def test_logs_with_own_stages_come_along_and_need_trust(tmp_path):
    home = tmp_path / "home"
    stage_files(home, **FILES)
    text = OWN.replace('name = "own"', 'name = "own"\npattern = "signal_generation"')
    run(home, tmp_path, re.sub(r"\[risk\]\n.*\n", "", text))
    run(home, tmp_path, replay("1/0", "1/3"))
    path = write(tmp_path, bulkhead(home, "export", "2").out)
    empty = tmp_path / "empty"
    refused(bulkhead(empty, "reproduce", path), "code that this home has not had", "--trust")
    assert bulkhead(empty, "reproduce", path, "--trust", "--json").json["verdict"] == "identical"


def test_an_export_that_would_be_too_long_names_the_bundle(handed, monkeypatch):
    home, _ = handed
    monkeypatch.setattr("engine.config.MAX_BYTES", 5000)
    refused(bulkhead(home, "export", "9"), "a config holds 5,000 characters", "bulkhead bundle 9")
    refused(bulkhead(home, "export", "9/1"), "bulkhead bundle 9/1")


def test_a_log_that_is_gone_is_missed(handed, tmp_path):
    """A replay says what it replayed; without the log it can be read, and not exported."""
    _, exported = handed
    again = tmp_path / "again"
    run(again, tmp_path, re.sub(r"\n\[\[log\]\].*", "", exported["8"], flags=re.DOTALL), code=2)
    with pytest.raises(ConfigError, match="no signals"):
        running.check(Home(again), re.sub(r"\n\[\[log\]\].*", "", exported["8"], flags=re.DOTALL))
