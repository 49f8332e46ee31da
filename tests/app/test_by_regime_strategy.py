"""A strategy by regime from its TOML to its figures: run, swept, shown, exported, and made again the same."""

import tomllib
from pathlib import Path

import pytest

from app.services.drafting import dumped, parsed
from app.services.drafting_check import located
from app.services.drafting_fields import fields
from app.services.drafting_values import modes, read, shown, swept
from engine.registry import BUILT_IN
from tests.app.small import bulkhead, refused, write

TEXT = """
[experiment]
name = "by regime"
seed = 3

[data]
dataset = "us-tech"
symbols = ["AAPL", "GOOG", "IBM"]
start = 2000-06-01
end = 2008-12-31
warmup = "common"
test_start = 2008-01-02

[classifier]
kind = "volatility"

[[strategy]]
kind = "by_regime"
base = "ma_cross"

[strategy.parameters]
slow = 40
enter_on = "state"

[strategy.regimes.calm]
fast = [5, 10]

[strategy.regimes.turbulent]
fast = 20
long_only = [true, false]

[[strategy]]
kind = "by_regime"
name = "monthly"
base = "momentum"

[strategy.parameters]
every = 10

[strategy.regimes.turbulent]
every = "none"

[[strategy]]
kind = "by_regime"
name = "drawn"
base = "random_entry"
regimes = { calm = { hold = 20 } }
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("by_regime")
    assert bulkhead(folder, "run", write(folder, TEXT), "--workers", "1").code == 0
    return folder


def test_every_point_of_the_sweep_is_another_result(home):
    rows = bulkhead(home, "show", "1", "--json").json["containers"]
    assert [row["status"] for row in rows] == ["done"] * 4
    assert [row["params"] for row in rows] == [
        {"by_regime.regimes.calm.fast": fast, "by_regime.regimes.turbulent.long_only": longs}
        for fast in (5, 10)
        for longs in (True, False)
    ]
    assert len({row["digest"] for row in rows}) == 4


@pytest.mark.parametrize("name", ["1", "1/0", "1/3"])
def test_what_is_exported_is_made_again_the_same_in_an_empty_home(home, tmp_path, name):
    text = bulkhead(home, "export", name).out
    told = bulkhead(tmp_path / "home", "reproduce", write(tmp_path, text), "--json")
    assert told.code == 0 and told.json["verdict"] == "identical"


def test_an_exported_container_has_what_differs_by_regime(home, tmp_path):
    text = bulkhead(home, "export", "1/3").out
    first, monthly, drawn = tomllib.loads(text)["strategy"]
    assert first["parameters"] == {"fast": 20, "slow": 40, "average": "SMA", "enter_on": "state", "long_only": True}
    assert first["regimes"] == {"calm": {"fast": 10}, "turbulent": {"fast": 20, "long_only": False}}
    assert monthly["parameters"]["every"] == 10 and monthly["regimes"] == {"turbulent": {"every": "none"}}
    assert drawn["base"] == "random_entry" and drawn["regimes"] == {"calm": {"hold": 20}}
    again = tmp_path / "home"
    assert bulkhead(again, "run", write(tmp_path, text), "--workers", "1").code == 0
    row, found = (bulkhead(*at, "--json").json for at in ((home, "container", "1/3"), (again, "container", "1/0")))
    assert found["spec_hash"] == row["spec_hash"] and found["events"] == row["events"]


def test_a_wrong_regime_is_one_line(home, tmp_path):
    told = bulkhead(home, "run", write(tmp_path, TEXT.replace("regimes.calm]", "regimes.clam]")))
    refused(told, "strategy 'by_regime'", "no regime 'clam'", "did you mean 'calm'?")


def test_a_draft_of_it_is_written_read_and_told_at_its_field():
    draft = parsed(TEXT)
    assert parsed(dumped(draft)) == draft
    base, parameters, regimes = fields(BUILT_IN.strategies["by_regime"])
    assert (base.kind, parameters.kind, regimes.kind) == ("text", "table", "table")
    assert {modes(spec) for spec in (base, parameters, regimes)} == {("fixed",)}
    table = draft["strategy"][0]["regimes"]
    assert read(shown(table, regimes), regimes) == table
    assert swept(table, regimes) == 2 and swept(draft["strategy"][0]["parameters"], parameters) == 0
    message = "strategy 'monthly': regimes.turbulent.every: input should be greater than or equal to 1 (got 0)"
    problem = located(message, draft)
    assert problem.place == ("strategy", 1, "regimes", "turbulent", "every") and problem.at(("strategy", 1, "regimes"))
    assert problem.text.startswith("must be greater")
