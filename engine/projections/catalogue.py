"""The metrics of a container: their names, order, units, and which way is better. Formulas: `metrics.py`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `unit`: share | ratio | count | money | per_year | bars; `better`: 1 higher, -1 lower, 0 neither."""

    name: str
    unit: str
    better: int
    text: str


_ROWS = (
    ("final_equity", "money", 1, "equity at the last close"),
    ("total_return", "share", 1, "final equity over the starting equity, less 1"),
    ("cagr", "share", 1, "compound growth per year; years are bars over bars per year"),
    ("volatility", "share", -1, "standard deviation of session returns (ddof 1), per year"),
    ("sharpe", "ratio", 1, "mean over standard deviation of session returns above risk-free, per year"),
    ("sortino", "ratio", 1, "mean over downside deviation of session returns above risk-free, per year"),
    ("max_drawdown", "share", 1, "deepest fall of equity below its peak (negative)"),
    ("calmar", "ratio", 1, "cagr over the size of the deepest drawdown"),
    ("orders", "count", 0, "number of fills"),
    ("trades", "count", 0, "closed round trips"),
    ("win_rate", "share", 1, "share of trades with a profit after costs"),
    ("profit_factor", "ratio", 1, "profits of winning trades over losses of losing ones"),
    ("average_trade", "money", 1, "mean profit of a trade after costs"),
    ("exposure", "share", 0, "mean gross weight at the close"),
    ("time_in_market", "share", 0, "share of bars with a position at the close"),
    ("turnover", "per_year", -1, "half the traded value over mean equity, per year"),
    ("skew", "ratio", 1, "skewness of session returns (biased)"),
    ("kurtosis", "ratio", -1, "excess kurtosis of session returns (biased)"),
    ("var_95", "share", 1, "5th percentile of session returns"),
    ("cvar_95", "share", 1, "mean of the session returns at or below var_95"),
    ("max_drawdown_bars", "bars", -1, "most consecutive closes below the peak"),
    ("commission_paid", "money", -1, "commission of all fills"),
    ("slippage_paid", "money", -1, "what fills cost against the open"),
)
CATALOGUE: tuple[Metric, ...] = tuple(Metric(*row) for row in _ROWS)
METRICS: tuple[str, ...] = tuple(metric.name for metric in CATALOGUE)
