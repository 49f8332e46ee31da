"""Figures and times as a reader wants them: with their unit, always the same number of digits."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.projections.catalogue import CATALOGUE

UNITS = {metric.name: metric.unit for metric in CATALOGUE}
MEANINGS = {metric.name: metric.text for metric in CATALOGUE}
_LABELS = {"cagr": "CAGR", "var_95": "VaR 95 %", "cvar_95": "CVaR 95 %"}
NOTHING = "–"


def label(metric: str) -> str:
    """A metric's name for people: `total_return` is "Total return"."""
    return _LABELS.get(metric, metric.replace("_", " ").capitalize())


def figure(metric: str, value: float | None) -> str:
    """A metric's value with its unit; – where it is undefined."""
    if value is None:
        return NOTHING
    match UNITS[metric]:
        case "share":
            return f"{100 * value:,.2f} %"
        case "count":
            return f"{value:,.0f}"
        case "bars":
            return f"{value:,.0f} bars"
        case "money":
            return f"{value:,.2f}"
        case "per_year":
            return f"{value:,.2f} a year"
    return f"{value:,.3f}"


def number(value: float | None, digits: int = 6) -> str:
    """A price, quantity or indicator: `digits` significant ones, thousands apart."""
    return NOTHING if value is None else f"{value:,.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it."""
    if value is None:
        return NOTHING
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def many(count: int, what: str) -> str:
    """`count` of something: "1 container", "1,000 containers"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def local(stamp: str | None, zone: str | None) -> datetime | None:
    """A stored time (ISO 8601) in the reader's zone, UTC when that is not known."""
    if stamp is None:
        return None
    try:
        return datetime.fromisoformat(stamp).astimezone(ZoneInfo(zone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.fromisoformat(stamp)
