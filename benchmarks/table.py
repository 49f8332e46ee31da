"""The table of `compare.py` as Markdown, made of its JSON."""

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


def _line(cells: Any) -> str:
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
    return "the same to 15 digits" if found < 1e-15 else f"within {found:.0e}"


def _notes(result: dict[str, Any]) -> list[str]:
    machine, own, rows = result["machine"], result["versions"], result["rows"]
    whole = [f"{row['whole_rate']:,.0f} with {row['workers']}" for row in rows if "workers" in row]
    exact = [
        row["tool"]
        for row in rows
        if {"sharpe", "orders"} <= set(row.get("deviation", {})) and _alike(row["deviation"])
    ]
    packages = {
        row["package"] + f" {row['version']}": f"Python {row['versions']['python']}, NumPy {row['versions']['numpy']}"
        for row in rows
        if "workers" not in row
    }
    listed = ", ".join(f"{name} {own[name]}" for name in ("numba", "numpy", "joblib", "sqlalchemy") if name in own)
    theirs = "; ".join(f"{name} ({with_})" for name, with_ in packages.items())
    lines = [
        f"Measured on {result['date'][:10]} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']:g} GB ({machine['system']}), in turns, median of {result['repeats']}, by "
        "`python -m benchmarks.compare`.",
        f"Bulkhead {own['bulkhead']} (Python {own['python']}, {listed}); {theirs}.",
        "A run is one moving-average crossing on 5,031 daily bars of the S&P 500: decided at the close, filled at the next "
        "open, all cash in, no costs. Starting, importing and reading the bars is not counted; for a whole process of "
        f"10,000 Bulkhead comes to {' and '.join(whole)} worker(s) a second.",
    ]
    if exact:
        lines.append(
            f"Order counts, Sharpe ratio and drawdown of {', '.join(dict.fromkeys(exact))} are Bulkhead's too (to 1e-9). "
            "What is left in final equity is rounding, and whole units where a tool knows no smaller."
        )
    return [line + "  " for line in lines[:-1]] + lines[-1:]


def _alike(deviation: dict[str, float]) -> bool:
    return deviation["orders"] == 0 and max(deviation["sharpe"], deviation["max_drawdown"]) < 1e-9
