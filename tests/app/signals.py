"""Runs with signal logs, and a file of signals, for tests of the application."""

from pathlib import Path

from app.services.home import Home
from app.services.reading import read
from engine.events import Kind
from tests.app.small import bulkhead, write

#: 2 containers that generate signals under two regimes, with held-out bars.
GENERATION = """
[experiment]
name = "gen"
pattern = "signal_generation"

[data]
dataset = "us-tech"
symbols = ["AAPL", "IBM"]
start = 2000-06-01
end = 2008-12-31
warmup = "common"
test_start = 2007-01-03

[classifier]
kind = "volatility"

[[strategy]]
kind = "ma_cross"
fast = [5, 10]
slow = 40
"""
#: The same signals, traded.
BACKTEST = GENERATION.replace('"signal_generation"', '"full_backtest"').replace('"gen"', '"full"')
#: 2 containers.
REPLAY = """
[experiment]
name = "replay"
pattern = "signal_replay"

[data]
test_start = 2007-01-03

[replay] # which logs
signals = ["1/0", "1/1"]

[risk]
stop_loss = 0.1
regime_scale = { turbulent = 0.5 }

[ensemble]
method = "fixed"
weights = [[1, 0], [0.25, 0.75]]
"""


def run(home: Path, folder: Path, text: str, *arguments: str, code: int = 0) -> None:
    told = bulkhead(home, "run", write(folder, text, "run.toml"), "--workers", "1", *arguments)
    assert told.code == code, told.err


def written(home: Path, run_id: int, index: int, target: Path) -> str:
    """The signals of a container as a file for `signals add`: a row for each change."""
    reading = read(Home(home), run_id, index)
    rows = reading.log[reading.log["kind"] == Kind.SIGNAL]
    dates = reading.market.dates
    lines = [f"{dates[row['bar']]},{reading.market.symbols[row['symbol']]},{float(row['value'])!r}" for row in rows]
    target.write_text("\n".join(["time,symbol,value", *lines]))
    return str(target)
