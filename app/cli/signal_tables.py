"""A signal report as tables for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.tables import number, parameter, table

if TYPE_CHECKING:
    from rich.console import Console

    from app.services.signals import Made

#: Below so many bars, or episodes of a regime, a figure is a hint at best.
FEW_BARS, FEW_EPISODES = 100, 10
#: So many symbols have a line of their own.
_SYMBOLS = 10


def share(value: float | None) -> str:
    """A share as per cent."""
    return "–" if value is None else f"{100 * value:,.3f}"


def print_made(out: "Console", made: "Made") -> None:
    """Where a log came from."""
    out.print(f"signals {made.run}/{made.index}: {made.name}, {made.pattern}, on {made.dataset}", soft_wrap=True)
    if made.imported:
        out.print(f"  imported from {made.imported['file']} ({made.imported['sha256'][:12]})", soft_wrap=True)
    for name, values in made.stages.items():
        rest = ", ".join(f"{key} = {parameter(value)}" for key, value in values.items() if key != "kind")
        out.print(f"  {name}: {values['kind']}{f' ({rest})' if rest else ''}", soft_wrap=True)
    for log in made.replayed:
        out.print(f"  replays {', '.join(log['strategies'])} of {log['reference'][:12]}", soft_wrap=True)
    for kind, source in made.sources.items():
        out.print(f"  source of {kind}: {source[:12]}")
    out.print(f"  digest {made.digests['signals_digest']}")


def print_report(out: "Console", report: Mapping[str, Any], names: Sequence[str]) -> None:
    """All of a report, strategy by strategy. `names`: of its strategies."""
    out.print(f"{report['bars']:,} bars ({report['years']:.1f} years) of {len(report['symbols'])} symbols", end=" ")
    out.print("before what is held out")
    if not report["strategies"]:
        out.print("there is no signal on these bars")
    for part in report["strategies"]:
        out.print()
        out.print(names[part["strategy"]], style="bold")
        _print_part(out, part)


def _print_part(out: "Console", part: Mapping[str, Any]) -> None:
    signals, turnover, few = part["signals"], part["turnover"], False
    out.print(
        f"{signals['events']:,} changes of signal, {number(signals['per_year'])} a year; a signal is held for "
        f"{number(turnover['holding'])} bars ({turnover['holdings']:,} holdings); turnover "
        f"{number(turnover['per_year'])} a year"
    )
    out.print("return in the signal's direction after so many bars, with Newey-West errors (%)")
    heads = ("bars\nahead", "regime", "mean", "error", "t", "hit rate", "bars", "episodes", "")
    rows = []
    for found in part["forward"]:
        sparse = _sparse(found)
        few |= sparse
        rows.append(_forward(found, "all", sparse))
        for one in found["by_regime"]:
            if one["bars"]:
                sparse = _sparse(one)
                few |= sparse
                rows.append(_forward({"horizon": "", **one}, one["regime"] or "no label yet", sparse))
    out.print(table(heads, rows, left=(1, len(heads) - 1)))
    if few:
        out.print(
            f"few: fewer than {FEW_BARS} bars or {FEW_EPISODES} episodes; such a figure may be chance alone, "
            "whatever its t"
        )
    _print_coefficient(out, part["coefficient"])
    _print_excursion(out, part["excursion"])


def _forward(found: Mapping[str, Any], regime: str, sparse: bool) -> tuple[str, ...]:
    episodes = found.get("episodes")
    return (
        *(str(found["horizon"]), regime, share(found["mean"]), share(found["error"]), _two(found["t"])),
        *(share(found.get("hit_rate")), f"{found['bars']:,}", "" if episodes is None else f"{episodes:,}"),
        "few" if sparse else "",
    )


def _sparse(found: Mapping[str, Any]) -> bool:
    """Whether a figure rests on so little that it says nothing."""
    return bool(found["bars"] < FEW_BARS or found.get("episodes", FEW_EPISODES) < FEW_EPISODES)


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _print_coefficient(out: "Console", found: Mapping[str, Any]) -> None:
    """The rank correlation of signals with what followed."""
    words = "over time, symbol by symbol" if found["across"] == "time" else f"across {found['across']}, bar by bar"
    out.print(f"information coefficient {words}")
    plain = [{key: item for key, item in row.items() if not isinstance(item, list)} for row in found["horizons"]]
    heads = ["horizon", *dict.fromkeys(key for row in plain for key in row if key != "horizon")]
    out.print(
        table([head.replace("_", " ") for head in heads], [[number(row.get(head)) for head in heads] for row in plain])
    )
    listed = found["horizons"][0].get("by_symbol") or []
    if 1 < len(listed) <= _SYMBOLS:
        symbols = [one["symbol"] for one in listed]
        rows = [
            [str(row["horizon"]), *(number(one["coefficient"]) for one in row["by_symbol"])]
            for row in found["horizons"]
        ]
        out.print(table(("horizon", *symbols), rows))


def _print_excursion(out: "Console", found: Mapping[str, Any]) -> None:
    """How far prices went for and against a signal while it held."""
    out.print(f"excursions within {found['bars']} bars of {found['count']:,} entries (%)")
    sides = [(name, found[name]) for name in ("favourable", "adverse") if found.get(name)]
    if not sides:
        out.print("  there are none")
        return
    heads = list(sides[0][1])
    out.print(table(("", *heads), [[name, *(share(side.get(head)) for head in heads)] for name, side in sides]))


def print_overlap(out: "Console", references: Sequence[str], overlap: Mapping[str, Any]) -> None:
    """How much logs say the same."""
    for name, words in (
        ("correlation", "correlation of signals"),
        ("agreement", "share of bars, where either has a signal, on which both say the same (%)"),
    ):
        out.print(words, style="bold")
        show = share if name == "agreement" else _two
        rows = [(log, *map(show, row)) for log, row in zip(references, overlap[name], strict=True)]
        out.print(table(("log", *references), rows))
