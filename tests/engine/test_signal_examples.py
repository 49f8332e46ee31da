"""Signal reports worked out by hand, on odd prices, and as the row of a table."""

import numpy as np
import numpy.typing as npt
import pytest

from engine.market.actions import Action, in_first_units
from engine.market.market import ACTION, Market
from engine.signals.report import SUMMARY, part_summary, report, summary
from tests.engine.signal_logs import log_of, sticky, text, twelve
from tests.engine.small import small_market

Log = npt.NDArray[np.void]


def tiny() -> tuple[Log, Market]:
    """One symbol, long from the first close and short from the third."""
    opens = [10.0, 11.0, 12.1, 11.0, 10.0]
    market = Market.from_columns(["A"], np.arange(5), opens, opens, opens, opens)
    values = np.array([[1.0], [1.0], [-1.0], [-1.0], [-1.0]])
    return log_of(market, 0, values, codes=[-1, 0, 0, 1, 0]), market


def test_a_tiny_example_by_hand() -> None:
    found = report(*tiny(), 0, 5, ("up", "down"))
    (part,) = found["strategies"]
    one, five = part["forward"][:2]
    # bought at 11 and worth 12.1, bought at 12.1 and worth 11, sold at 11 and worth 10
    mean = (1 / 10 - 1 / 11 + 1 / 11) / 3
    error = ((1 / 10 - mean) ** 2 + (-1 / 11 - mean) ** 2 + (1 / 11 - mean) ** 2) ** 0.5 / 3
    assert (one["mean"], one["error"]) == (pytest.approx(mean, rel=1e-13), pytest.approx(error, rel=1e-13))
    assert (one["bars"], one["observations"], one["hit_rate"]) == (3, 3, 2 / 3)
    assert [(row["regime"], row["bars"], row["episodes"]) for row in one["by_regime"]] == [
        *((None, 1, 1), ("up", 2, 1), ("down", 0, 0)),
    ]
    assert one["by_regime"][1]["mean"] == pytest.approx(0.0, abs=1e-15)
    assert (five["mean"], five["error"], five["t"], five["bars"], five["hit_rate"]) == (None, None, None, 0, None)
    short, flat, long = part["buckets"][0]["buckets"]
    assert short["mean"] == pytest.approx(-1 / 11) and (short["bars"], flat["bars"], long["bars"]) == (1, 0, 2)
    assert long["mean"] == pytest.approx((1 / 10 - 1 / 11) / 2)
    # half of 1 and half of 2, in five bars; each holding lasts two and a half bars on average
    assert part["turnover"] == {"per_year": pytest.approx(1.5 / 5 * 252), "holdings": 2, "holding": 2.5}
    assert part["signals"]["events"] == 2 and part["signals"]["per_year"] == pytest.approx(2 / 5 * 252)
    assert [row["events"] for row in part["signals"]["by_regime"]] == [1, 1, 0]
    assert [(row["bars"], row["episodes"]) for row in found["regimes"]] == [(1, 1), (3, 2), (1, 1)]
    assert part["coefficient"]["horizons"][0]["by_symbol"] == [{"symbol": "A", "coefficient": None, "pairs": 3}]
    assert part["excursion"]["count"] == 0


def test_excursions_by_hand() -> None:
    opens = np.full(40, 100.0)
    high, low = opens.copy(), opens.copy()
    high[[2, 25]], low[[20, 21]] = (130.0, 110.0), (80.0, 95.0)
    market = Market.from_columns(["A"], np.arange(40), opens, high, low, opens)
    values = np.full((40, 1), np.nan)
    values[[0, 5, 10, 19, 20]] = [[1.0], [-0.5], [0.0], [1.0], [-1.0]]
    (whole,) = report(log_of(market, 0, values), market, 0, 40)["strategies"]
    assert whole["forward"][0]["hit_rate"] == 0.0  # what stays where it was is no hit
    part = whole["excursion"]
    # bars 1-20: up to 130, down to 80; sold at bar 6: down to 80, up to 110; bars 20-39: up to 110, down to 80
    assert part["count"] == 3
    favourable, adverse = part["favourable"], part["adverse"]
    assert favourable["mean"] == pytest.approx((0.3 + 0.2 + 0.1) / 3) and favourable["median"] == pytest.approx(0.2)
    assert adverse["mean"] == pytest.approx((-0.2 - 0.1 - 0.2) / 3) and adverse["median"] == pytest.approx(-0.2)


def test_a_constant_return_has_no_error() -> None:
    opens = 1.01 ** np.arange(100.0)
    market = Market.from_columns(["A"], np.arange(100), opens, opens, opens, opens)
    part = report(log_of(market, 0, np.ones((100, 1))), market, 0, 100)["strategies"][0]["forward"]
    assert [(row["error"], row["t"], row["hit_rate"]) for row in part] == [(0.0, None, 1.0)] * 4
    assert part[1]["mean"] == pytest.approx(1.01**5 - 1)


def test_prices_that_buy_nothing_are_left_out() -> None:
    market = small_market(80, 1)
    opens = market.open.copy()
    opens[[20, 40, 60]] = [[0.0], [-5.0], [np.nan]]
    columns = market.high, market.low, market.close
    broken = Market.from_columns(market.symbols, market.time, opens, *columns, valid=market.valid)
    log = log_of(market, 0, np.where(np.arange(80) % 7 < 4, 1.0, -1.0)[:, None])
    one = report(log, broken, 0, 80)["strategies"][0]
    text(one)
    # of 78 windows, three begin at such a price, and one ends at the missing one
    assert one["forward"][0]["observations"] == 78 - 4


def test_a_split_is_no_return() -> None:
    market = small_market(200, 2)
    action = np.array([(100, 0, Action.SPLIT, 2.0)], ACTION)
    columns = {name: getattr(market, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in columns.values():
        values[100:, 0] /= 2.0
    split = Market.from_columns(market.symbols, market.time, **columns, valid=market.valid, actions=action)
    log = log_of(market, 0, sticky(market, [-1.0, 1.0], 1))
    assert text(report(log, in_first_units(split), 0, 200)) == text(report(log, market, 0, 200))
    assert text(report(log, split, 0, 200)) != text(report(log, market, 0, 200))


def test_the_row_of_a_table() -> None:
    market = twelve()
    values, other = sticky(market, [-1.0, 1.0], 1), sticky(market, [-1.0, 1.0], 2)
    found = report(log_of(market, 20, values), market, 20, 400)
    (part,) = found["strategies"]
    row = summary(found)
    assert row == part_summary(part) and tuple(row) == SUMMARY
    assert row == {
        "signals": float(part["signals"]["events"]),
        "rate": part["signals"]["per_year"],
        "mean_5": part["forward"][1]["mean"],
        "t_5": part["forward"][1]["t"],
        "hit_5": part["forward"][1]["hit_rate"],
        "ic_5": part["coefficient"]["horizons"][1]["mean"],
        "ic_t_5": part["coefficient"]["horizons"][1]["t"],
        "turnover": part["turnover"]["per_year"],
    }
    assert all(isinstance(value, float) for value in row.values())
    both = report(log_of(market, 20, values, other), market, 20, 400)
    events = [part["signals"]["events"] for part in both["strategies"]]
    assert summary(both) == dict.fromkeys(SUMMARY) | {
        "signals": float(sum(events)),
        "rate": pytest.approx(sum(events) / (380 / 252)),
    }
