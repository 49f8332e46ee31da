"""The phases of a workflow as steps: where each stands, what it took, what it gave."""

import json
from typing import Any

import streamlit as st

from app import navigation
from app.components import html
from app.components.numbers import NOTHING, figure, label, many
from app.services.home import Home
from db.workflows import WorkflowState

#: Seconds between two looks at a workflow that is on its way.
BEAT = 1.5
KINDS = {
    "discover": "Discover: every combination, on the bars before the validation",
    "by_regime": "Choose: the parameters that did best in each regime",
    "ensemble": "Weigh: how much each strategy counts in each regime",
    "validate": "Validate: on bars that no phase before has seen",
}
SHOWN = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "trades", "exposure")


def watch(home: Home, shown: WorkflowState) -> None:
    """Draw the page anew when a phase has begun or ended."""
    with home.store() as store:
        now = store.workflows.get(shown.id)
    done = sum(phase.status == "done" for phase in now.phases)
    st.progress(done / len(now.phases), f"{done} of {many(len(now.phases), 'phase')} done")
    if [(phase.name, phase.status) for phase in now.phases] != [(phase.name, phase.status) for phase in shown.phases]:
        st.rerun()
    if now.status != shown.status:
        st.rerun()


def phases(home: Home, told: dict[str, Any]) -> None:
    """All of them, in order. `told`: as `bulkhead workflow show --json` tells it."""
    for number, phase in enumerate(told["phases"], start=1):
        with st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html(html.heading(f"{number} · {phase['name']}", phase["status"], level=3), width="stretch")
                for run in phase["runs"]:
                    if st.button(f"Run {run}", type="tertiary", icon=":material/leaderboard:", key=f"run-{run}"):
                        navigation.open_results(run)
            st.caption(KINDS[phase["kind"]])
            if phase["error"]:
                st.html(html.notice(phase["error"], "error"))
            if phase["result"]:
                {"discover": _discovered, "by_regime": _chosen, "ensemble": _weighed, "validate": _validated}[
                    phase["kind"]
                ](phase["result"], told)


def _discovered(result: dict[str, Any], told: dict[str, Any]) -> None:
    st.html(html.facts([("Containers", f"{result['done']:,} done of {result['containers']:,}")]))


def _chosen(result: dict[str, Any], told: dict[str, Any]) -> None:
    rows, few = [], False
    for found in result["classifiers"]:
        for choice in found["choices"]:
            strategies = ", ".join(choice["strategies"])
            overall = choice["overall"]
            rows.append((found["classifier"], strategies, "overall", "", _figure(result, overall), _words(overall)))
            for part in choice["regimes"]:
                own = part["by"] == "regime"
                few = few or not own
                words = (
                    _difference(part["parameters"], overall["parameters"]) if own else "as overall: too few episodes"
                )
                figures = _figure(result, {"objective": part.get(result["objective"])})
                rows.append(("", "", part["regime"], f"{part['episodes']:,}", figures, words))
    heads = ("Classifier", "Strategy", "Regime", "Episodes", label(result["objective"]), "Parameters")
    st.html(html.table(heads, rows, numeric=(3, 4)))
    if few:
        least = result["min_episodes"]
        st.caption(f"A regime with fewer than {least} episodes says too little: there the overall best is taken.")


def _weighed(result: dict[str, Any], told: dict[str, Any]) -> None:
    objective = result["objective"]
    rows = [
        (
            found["classifier"],
            f"{found['containers']:,}",
            _figure(result, {"objective": found["figures"].get(objective)}),
            str(html.plain(found["ensemble"].get("weights", "equal"))),
            "chosen" if found["classifier"] == result["best"] else "",
        )
        for found in result["classifiers"]
    ]
    heads = ("Classifier", "Weightings", label(objective), "Weights of the best", "")
    st.html(html.table(heads, rows, numeric=(1, 2)))
    strategies = ", ".join(result["classifiers"][0]["strategies"])
    st.caption(f"In the order {strategies}. Found on the bars before the validation, so flattering there.")


def _validated(result: dict[str, Any], told: dict[str, Any]) -> None:
    earlier = result["earlier"]
    columns = [
        (f"{result['start']} to {result['end']}", result["figures"]),
        ("buy and hold", result["benchmark"]),
        ("bars before", earlier["figures"]),
        ("buy and hold", earlier["benchmark"]),
    ]
    rows = [(label(metric), *(_shown(metric, (values or {}).get(metric)) for _, values in columns)) for metric in SHOWN]
    st.html(html.table(("", *(name for name, _ in columns)), rows, numeric=range(1, 1 + len(columns))))
    count = told["validations"]
    if count > 1:
        line = f"Validated {count} times for this hypothesis on this dataset: each look makes the next one worth less."
        st.html(html.notice(line, "warning"))
    else:
        st.caption("The first validation of this hypothesis on this dataset.")


def _shown(metric: str, value: float | None) -> str:
    return NOTHING if value is None else figure(metric, value)


def _figure(result: dict[str, Any], found: dict[str, Any]) -> str:
    return _shown(result["objective"], found.get("objective"))


def _words(found: dict[str, Any]) -> str:
    return "; ".join(
        f"{name} {', '.join(f'{key} {_value(value)}' for key, value in values.items())}"
        for name, values in found["parameters"].items()
    )


def _difference(one: dict[str, Any], overall: dict[str, Any]) -> str:
    changed = [
        f"{key} {_value(value)}"
        for name, values in one.items()
        for key, value in values.items()
        if overall[name].get(key) != value
    ]
    return ", ".join(changed) or "the same"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
