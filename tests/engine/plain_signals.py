"""Signal reports the slow way: pandas for windows and bars, statsmodels for errors, scipy for coefficients."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr
from statsmodels.regression.linear_model import OLS

from engine.events import Kind, Source
from engine.market.market import Market

Log = npt.NDArray[np.void]
HORIZONS = (1, 5, 10, 20)


def estimate(series: pd.Series, horizon: int) -> dict[str, Any]:
    """Mean, error and t of a series, by regression on a constant."""
    values = series.to_numpy(float)
    if len(values) < 2:
        return {"mean": values[0] if len(values) else None, "error": None, "t": None, "bars": len(values)}
    fit = OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": horizon - 1})
    mean, error = fit.params[0], fit.bse[0]
    defined = error > 1e-14 * abs(mean)
    return {
        "mean": mean,
        "error": error if defined else 0.0,
        "t": fit.tvalues[0] if defined else None,
        "bars": len(values),
    }


def in_force(log: Log, source: int, market: Market, stop: int) -> pd.DataFrame:
    """The last value of each symbol's SIGNALs at every bar before `stop`."""
    frame = pd.DataFrame(np.nan, index=range(stop), columns=range(len(market.symbols)))
    for row in log[(log["kind"] == Kind.SIGNAL) & (log["source"] == source)]:
        if row["bar"] < stop:
            frame.loc[int(row["bar"]), int(row["symbol"])] = float(row["value"])
    return frame.ffill().fillna(0.0)


def labels(log: Log, names: Sequence[str], first: int, stop: int) -> pd.Series:
    """The name of the label known at the close of each bar; "" before the first."""
    found = pd.Series(None, index=range(stop), dtype=object)
    for row in log[log["kind"] == Kind.REGIME]:
        if row["bar"] < stop and names:
            found[int(row["bar"])] = names[row["reason"]]
    return found.ffill().fillna("").loc[first:]


def own_bars(market: Market, s: int, first: int, stop: int) -> pd.DataFrame:
    bars = [t for t in range(first, stop) if market.valid[t, s]]
    columns = {name: getattr(market, name)[bars, s] for name in ("open", "high", "low")}
    return pd.DataFrame(columns, index=bars)


def forward(market: Market, first: int, stop: int, horizon: int) -> pd.DataFrame:
    """Returns from the next own open, by bar and symbol."""
    columns = {}
    for s in range(len(market.symbols)):
        opens = own_bars(market, s, first, stop)["open"]
        columns[s] = opens.shift(-1 - horizon) / opens.shift(-1) - 1.0
    return pd.DataFrame(columns).reindex(range(first, stop))


def by_regime(series: pd.Series, label: pd.Series, names: Sequence[str], horizon: int) -> list[dict[str, Any]]:
    if not names:
        return []
    number = (label != label.shift()).cumsum()
    found = []
    for name in ("", *names):
        own = series[label.loc[series.index] == name]
        stretches = {int(number[bar]) for bar in own.index}
        found.append({"regime": name or None, **estimate(own, horizon), "episodes": len(stretches)})
    return found


def plain_report(log: Log, market: Market, first: int, stop: int, names: tuple[str, ...]) -> dict[str, Any]:
    """What `report` should give."""
    label = labels(log, names, first, stop)
    numbers = [next(iter(group)) for _, group in groupby(label)]
    year = market.bars_per_year
    wanted = log[(log["kind"] == Kind.SIGNAL) & (log["bar"] < stop)]
    return {
        "bars": stop - first,
        "years": (stop - first) / year,
        "symbols": list(market.symbols),
        "regimes": [
            {"regime": name or None, "bars": int((label == name).sum()), "episodes": numbers.count(name)}
            for name in (("", *names) if names else ())
        ],
        "strategies": [
            {"strategy": int(source) - Source.STRATEGY, **_part(log, int(source), market, first, stop, names, label)}
            for source in sorted(set(wanted["source"].tolist()))
        ],
    }


def _part(
    log: Log, source: int, market: Market, first: int, stop: int, names: tuple[str, ...], label: pd.Series
) -> dict[str, Any]:
    rows = [
        (int(row["bar"]), int(row["symbol"]), float(row["value"]))
        for row in log
        if row["kind"] == Kind.SIGNAL and row["source"] == source and first <= row["bar"] < stop
    ]
    force = in_force(log, source, market, stop)
    values = force.loc[first:].where(market.valid[first:stop])
    discrete = all(value in (-1.0, 0.0, 1.0) for _, _, value in rows)
    returns = {horizon: forward(market, first, stop, horizon) for horizon in HORIZONS}
    return {
        "signals": _signals(rows, market, first, stop, names, label),
        "forward": [_forward(values, returns[horizon], horizon, label, names) for horizon in HORIZONS],
        "buckets": [_buckets(values, returns[horizon], horizon) for horizon in HORIZONS] if discrete else None,
        "coefficient": _coefficients(values, returns, market),
        "excursion": _excursion(rows, market, first, stop),
        "turnover": _turnover(force, values, market, first),
    }


def _signals(rows, market, first, stop, names, label) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    def rate(events: int, bars: int) -> dict[str, Any]:
        return {"events": events, "per_year": events * market.bars_per_year / bars if bars else None}

    found: dict[str, Any] = rate(len(rows), stop - first)
    found["by_symbol"] = [
        {"symbol": symbol, **rate(sum(row[1] == s for row in rows), int(market.valid[first:stop, s].sum()))}
        for s, symbol in enumerate(market.symbols)
    ]
    found["by_regime"] = [
        {"regime": name or None, **rate(sum(label[row[0]] == name for row in rows), int((label == name).sum()))}
        for name in (("", *names) if names else ())
    ]
    return found


def _forward(values, returns, horizon, label, names) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    gained = (returns * np.sign(values)).where(values != 0.0)
    series = gained.mean(axis=1).dropna()
    seen = gained.stack().dropna()
    return {
        "horizon": horizon,
        **estimate(series, horizon),
        "observations": len(seen),
        "hit_rate": (seen > 0.0).mean() if len(seen) else None,
        "by_regime": by_regime(series, label, names, horizon),
    }


def _buckets(values, returns, horizon) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    found = []
    for value in (-1, 0, 1):
        chosen = returns.where(values == value)
        series = chosen.mean(axis=1).dropna()
        count = int(chosen.notna().to_numpy().sum())
        found.append({"signal": value, **estimate(series, horizon), "observations": count})
    return {"horizon": horizon, "buckets": found}


def _spearman(a: pd.Series, b: pd.Series) -> tuple[float | None, int]:
    """The coefficient of the pairs where both are known, and how many these are."""
    both = pd.DataFrame({"a": a, "b": b}).dropna()
    if len(both) < 10 or both["a"].nunique() < 2 or both["b"].nunique() < 2:
        return None, len(both)
    return float(spearmanr(both["a"], both["b"]).statistic), len(both)


def _coefficients(values, returns, market) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    found = []
    across = "symbols" if len(market.symbols) >= 10 else "time"
    for horizon in HORIZONS:
        future = returns[horizon]
        part: dict[str, Any] = {"horizon": horizon}
        if across == "symbols":
            each = [_spearman(values.loc[bar], future.loc[bar])[0] for bar in values.index]
            series = pd.Series([value for value in each if value is not None], dtype=float)
            part |= estimate(series, horizon)
        else:
            pairs = [_spearman(values[s], future[s]) for s in values.columns]
            series = pd.Series([value for value, _ in pairs if value is not None], dtype=float)
            part |= {"mean": series.mean() if len(series) else None, "symbols": len(series)}
            part["by_symbol"] = [
                {"symbol": symbol, "coefficient": value, "pairs": count}
                for symbol, (value, count) in zip(market.symbols, pairs, strict=True)
            ]
        part["deviation"] = series.std() if len(series) > 1 else None
        found.append(part)
    return {"across": across, "horizons": found}


def _excursion(rows, market, first, stop) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    good, bad = [], []
    for bar, s, value in rows:
        own = own_bars(market, s, bar + 1, stop).head(20)
        if value == 0.0 or len(own) < 20:
            continue
        entry = own["open"].iloc[0]
        path = np.sign(value) * (np.concatenate([own["high"], own["low"]]) / entry - 1.0)
        good.append(path.max())
        bad.append(path.min())

    def spread(values: list[float]) -> dict[str, Any]:
        told = pd.Series(values, dtype=float)
        figures = {"mean": told.mean(), "median": told.median(), "p5": told.quantile(0.05), "p95": told.quantile(0.95)}
        return {name: None if np.isnan(figure) else figure for name, figure in figures.items()}

    return {"bars": 20, "count": len(good), "favourable": spread(good), "adverse": spread(bad)}


def _turnover(force, values, market, first) -> dict[str, Any]:  # type: ignore[no-untyped-def]
    changes = force.diff().fillna(force.loc[[0]]).loc[first:].abs().where(values.notna()) / 2.0
    lengths = []
    for s in values.columns:
        signs = np.sign(values[s].dropna()).tolist()
        lengths += [len(list(group)) for sign, group in groupby(signs) if sign != 0.0]
    return {
        "per_year": changes.mean(axis=1).mean() * market.bars_per_year,
        "holdings": len(lengths),
        "holding": sum(lengths) / len(lengths) if lengths else None,
    }


def plain_overlap(logs: Sequence[Log], market: Market, first: int, stop: int) -> tuple[list[Any], list[Any]]:
    """What `overlap` should give."""
    columns = []
    for log in logs:
        sources = sorted(set(log["source"][log["kind"] == Kind.SIGNAL].tolist()))
        frames = [in_force(log, source, market, stop).loc[first:] for source in sources]
        mean = (
            sum(frames) / len(frames) if frames else pd.DataFrame(0.0, range(first, stop), range(len(market.symbols)))
        )
        columns.append(mean.to_numpy()[market.valid[first:stop]])
    dense = pd.DataFrame(columns).T
    correlation = dense.corr().to_numpy()
    agreement = np.full(correlation.shape, np.nan)
    for i in dense:
        for j in dense:
            a, b = np.sign(dense[i]), np.sign(dense[j])
            either = (a != 0) | (b != 0)
            agreement[i, j] = ((a == b) & either).sum() / either.sum() if either.any() else np.nan
    return tuple([[None if v != v else v for v in row] for row in m.tolist()] for m in (correlation, agreement))  # type: ignore[return-value]
