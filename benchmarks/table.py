"""The table of `compare.py` as Markdown, made of its JSON."""

import math
from collections.abc import Iterable
from typing import Any

HEAD = (
    ("tool", ""),
    ("version", ""),
    ("runs per second (lowest–highest)", ":"),
    ("runs", ":"),
    ("Bulkhead, 1 worker", ":"),
    ("Bulkhead, 2 workers", ":"),
    ("what is kept of a run", ""),
    ("peak memory", ":"),
    ("final equity against Bulkhead's", ""),
)


def markdown(result: dict[str, Any]) -> str:
    """The rows, then where, when and with what they were measured."""
    own = {row["workers"]: row["rate"]["typical"] for row in result["rows"] if "workers" in row}
    lines = [_line(name for name, _ in HEAD), _line("---" + side for _, side in HEAD)]
    for row in result["rows"]:
        rate = row["rate"]
        lines.append(
            _line(
                (
                    f"{row['tool']}, {row['how']}",
                    row["version"],
                    f"{_number(rate['typical'])} ({_number(rate['lowest'])}–{_number(rate['highest'])})",
                    f"{row['runs']:,}",
                    *(_times(row, own.get(workers)) for workers in (1, 2)),
                    row["keeps"],
                    f"{row['peak_pss_mb']:,.0f} MiB",
                    _agreement(row),
                )
            )
        )
    return "\n".join([*lines, "", *_notes(result)]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _times(row: dict[str, Any], own: float | None) -> str:
    """How many times as fast Bulkhead is."""
    if own is None or "workers" in row:
        return "–"
    return f"× {_number(own / row['rate']['typical'])}"


def _agreement(row: dict[str, Any]) -> str:
    found = row.get("deviation", {}).get("final_equity")
    if found is None:
        return "–"
    return f"within 1e{max(math.ceil(math.log10(found)), -15)}" if found else "the same"


def _notes(result: dict[str, Any]) -> list[str]:
    machine, own, rows = result["machine"], result["versions"], result["rows"]
    peers = [row for row in rows if "workers" not in row]
    own_rows = [row for row in rows if "workers" in row]
    sweep, whole = (" and ".join(f"{row[rate]:,.0f}" for row in own_rows) for rate in ("sweep_rate", "whole_rate"))
    workers = " and ".join(str(row["workers"]) for row in own_rows)
    listed = ", ".join(f"{name} {own[name]}" for name in ("numba", "numpy", "joblib", "sqlalchemy") if name in own)
    packages = dict.fromkeys(f"{row['package']} {_with(row)}" for row in peers)
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:g} GB ({machine['system']})"
    lines = [
        (
            f"Measured on {result['date'][:10]} on {where}, in turns, median of {result['repeats']}, "
            "by `python -m benchmarks.compare`."
        ),
        f"Bulkhead {own['bulkhead']} (Python {own['python']}, {listed}); {'; '.join(packages)}.",
        (
            "A run is one moving-average crossing on 5,031 daily bars of the S&P 500: decided at the close, filled at "
            "the next open, all cash in, no costs. Starting, importing and reading the bars is not counted. "
            f"Bulkhead's rate is that of 9,000 more runs in a sweep; of one sweep of 10,000 it is {sweep} a second "
            f"with {workers} workers from the first dispatch to the last commit, {whole} for the whole process. "
            "vectorbt's memory is not collected between chunks of 200, which would bound it and cost most of the speed."
        ),
    ]
    if alike := _alike(peers):
        lines.append(
            f"Order counts, Sharpe ratio and drawdown of {' and '.join(alike)} are Bulkhead's too (to 1e-9). "
            "What is left in final equity is rounding, and whole units where a tool knows no smaller."
        )
    return [line + "  " for line in lines[:-1]] + lines[-1:]


def _with(row: dict[str, Any]) -> str:
    """A peer's version and the ones it ran with."""
    return f"{row['version']} (Python {row['versions']['python']}, numpy {row['versions']['numpy']})"


def _alike(peers: list[dict[str, Any]]) -> list[str]:
    """The tools of which every row has Bulkhead's orders, Sharpe ratio and drawdown."""
    found: dict[str, bool] = {}
    for row in peers:
        deviation = row["deviation"]
        same = (
            {"sharpe", "max_drawdown", "orders"} <= set(deviation)
            and deviation["orders"] == 0
            and max(deviation["sharpe"], deviation["max_drawdown"]) < 1e-9
        )
        found[row["tool"]] = found.get(row["tool"], True) and same
    return [tool for tool, same in found.items() if same]
