"""What the twin of the trading rules is told, and the words it uses."""

from typing import Any

Row = dict[str, Any]
Rules = dict[str, Any]
Market = dict[str, Any]  # open, high, low, close, volume: [bar][symbol], None where the symbol has no bar

KEYS = (
    "bar",
    "kind",
    "level",
    "source",
    "symbol",
    "side",
    "price",
    "quantity",
    "commission",
    "value",
    "limit",
    "actual",
    "reason",
    "cause",
)

#: Named as the parameters of the stages are; None is "off".
DEFAULTS: Rules = {
    "first_bar": 0,
    # ensemble
    "weights": None,
    # risk
    "regime_scale": None,
    "max_weight": 1.0,
    "max_gross": 1.0,
    "max_net": None,
    "max_leverage": None,
    "long_only": False,
    "stop_loss": None,
    "stop_atr": None,
    "take_profit": None,
    "trailing_stop": None,
    "trailing_atr": None,
    "atr_window": 14,
    "stop_when": "close",
    "time_stop": None,
    "cool_down": 0,
    "daily_loss": None,
    "max_drawdown": None,
    # portfolio
    "initial_cash": 100_000.0,
    "sizing": "slot",
    "slot": None,
    "sizing_window": 20,
    "target_volatility": None,
    "risk_per_trade": None,
    "atr_multiple": 2.0,
    "cash_per_trade": None,
    "quantity_per_trade": None,
    "rebalance": None,
    "drift_band": None,
    "universe": None,
    # execution
    "fill": "next_open",
    "size_price": "fill",
    "entry": "market",
    "entry_offset": 0.0,
    "good_for": 1,
    "intrabar": "pessimistic",
    "slippage_bps": 0.0,
    "spread_bps": 0.0,
    "impact": 0.0,
    "participation": None,
    "commission_bps": 0.0,
    "commission_per_unit": 0.0,
    "commission_per_order": 0.0,
    "commission_min": 0.0,
    "borrow_rate": 0.0,
    "financing_rate": 0.0,
    "margin": None,
    "maintenance": None,
    "tick_size": 0.0,
    "multiplier": 1.0,
    "lot_size": 0.0,
}

BARS_PER_YEAR = 252

#: A TARGET is news, and a weighted signal is "further out", from this much on; less than it is left of opposite signals
#: that cancel.
CHANGE = 1e-12
#: A RESIZE is logged when a limit is exceeded by more than this share of it.
SLACK = 1e-9
#: A price this close to a level is at it.
AT = 1e-12
#: A wanted quantity this close to what is held (as a share of it) is no difference, and a cut that leaves no more than
#: this share open leaves nothing open.
NOTHING = 1e-9


def with_defaults(rules: Rules) -> Rules:
    unknown = set(rules) - set(DEFAULTS)
    if unknown:
        raise KeyError(f"unknown rules: {sorted(unknown)}")
    return {**DEFAULTS, **rules}
