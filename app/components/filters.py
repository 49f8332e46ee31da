"""Which of a run's containers are looked at: a form for it, and the conditions in words."""

from collections.abc import Sequence

import streamlit as st

from app.components import asked, html
from app.components.numbers import UNITS, figure, label, many
from app.services.grid import worded
from app.services.question import Question
from db.store import Condition, Parameter, Value
from engine.parallel.block import STATUSES
from engine.projections.catalogue import METRICS

#: A parameter of numbers with at most so many values is chosen from value by value; one with more, by a range.
LISTED = 12
#: More values than this are a range between two numbers that can be typed.
STEPS = 400
ENDS = tuple(status for status in STATUSES if status not in ("queued", "running"))
ABSENT = "has none"


def filters(parameters: Sequence[Parameter], question: Question) -> None:
    """The button that opens the form. What it says goes into the address."""
    count = len(question.where)
    name = f"Filter ({count})" if count else "Filter"
    with st.popover(name, icon=":material/filter_alt:", width=140):
        with st.form(f"filters-{hash(question.where)}", border=False):
            found = _form(parameters, question.where)
            applied = st.form_submit_button("Apply", type="primary", key="apply-filters")
        if count:
            st.button("Clear all filters", type="tertiary", on_click=_clear, args=(question,), key="clear")
    if applied and tuple(found) != question.where:
        asked.tell(question.within(found))
        st.rerun()


def _clear(question: Question) -> None:
    asked.tell(question.within(()))
    st.session_state["results.redraw"] = True


def in_force(question: Question, count: int, total: int) -> None:
    """The conditions, and how many containers fulfil them."""
    if not question.where:
        return
    said = [(_name(condition), words(condition)) for condition in question.where]
    st.html(html.chips([("Shown", f"{count:,} of {many(total, 'container')}"), *said]))


def words(condition: Condition) -> str:
    """A condition without its name: "5 to 20", "at least 30", "done, failed"."""
    name = condition.name
    if condition.values is not None:
        shown = ", ".join(ABSENT if value is None else worded(value) for value in condition.values)
        return shown.replace("_", " ") if name == "status" else shown

    def number(limit: float) -> str:
        return figure(name, limit) if name in METRICS else f"{limit:,.6g}"

    match condition.low, condition.high:
        case None, None:
            return "is a number"
        case low, None:
            return f"at least {number(low)}"
        case None, high:
            return f"at most {number(high)}"
        case low, high:
            return f"{number(low)} to {number(high)}"
    raise AssertionError("every condition has words")


def _form(parameters: Sequence[Parameter], where: Sequence[Condition]) -> list[Condition]:
    """The widgets, holding what is in force; returns what they say."""
    found: list[Condition | None] = []
    known = {condition.name: condition for condition in where if condition.name not in METRICS}
    places = st.columns(2, gap="small") if len(parameters) > 1 else [st.container()]
    for number, parameter in enumerate(parameters):
        with places[number % len(places)]:
            found.append(_parameter(parameter, known.get(parameter.name), number))
    found.append(_status(known.get("status")))
    bounds = [condition for condition in where if condition.name in METRICS]
    return [condition for condition in found if condition is not None] + _bounds(bounds)


def _parameter(parameter: Parameter, now: Condition | None, number: int) -> Condition | None:
    """A parameter's widget. Its name is a user's: it is not drawn as a label, where it would be Markdown."""
    st.html(f'<div class="bh-filter-name">{html.escape(parameter.name)}</div>')
    key = f"parameter-{number}"
    if parameter.numeric and len(parameter.values) > LISTED:
        return _range(parameter, now, key)
    options: list[Value] = [*parameter.values, *([None] if parameter.missing else [])]
    chosen = st.multiselect(
        parameter.name,
        range(len(options)),
        [options.index(value) for value in (now.values or ()) if value in options] if now else [],
        lambda place: ABSENT if options[place] is None else html.clean(worded(options[place])),
        placeholder="all",
        label_visibility="collapsed",
        key=key,
    )
    return Condition(parameter.name, values=tuple(options[place] for place in chosen)) if chosen else None


def _range(parameter: Parameter, now: Condition | None, key: str) -> Condition | None:
    values = [float(value) for value in parameter.values if isinstance(value, int | float)]
    first, last = values[0], values[-1]
    low = max(first, now.low if now and now.low is not None else first)
    high = min(last, now.high if now and now.high is not None else last)
    if len(values) <= STEPS:
        near = [min(values, key=lambda value: abs(value - limit)) for limit in (low, max(low, high))]
        low, high = st.select_slider(
            parameter.name,
            values,
            (near[0], near[1]),
            lambda value: f"{value:,.6g}",
            label_visibility="collapsed",
            key=key,
        )
    else:
        low, high = st.slider(parameter.name, first, last, (low, max(low, high)), label_visibility="collapsed", key=key)
    limits = None if low <= first else low, None if high >= last else high
    return None if limits == (None, None) else Condition(parameter.name, low=limits[0], high=limits[1])


def _status(now: Condition | None) -> Condition | None:
    chosen = st.multiselect(
        "How they ended",
        ENDS,
        [status for status in (now.values or ()) if status in ENDS] if now else ["done"],
        lambda status: status.replace("_", " "),
        placeholder="done",
        key="statuses",
    )
    return Condition("status", values=tuple(chosen)) if chosen not in ([], ["done"]) else None


def _bounds(now: Sequence[Condition]) -> list[Condition]:
    """Bounds of metrics: those in force, which can be taken out, and a new one."""
    trades = next((bound for bound in now if bound.name == "trades" and bound.high is None), None)
    others = [bound for bound in now if bound is not trades]
    least = st.number_input(
        "Trades, at least", min_value=0, value=int(trades.low or 0) if trades else 0, step=10, key="trades"
    )
    kept = others
    if others:
        places = st.multiselect(
            "Bounds",
            range(len(others)),
            list(range(len(others))),
            lambda place: f"{label(others[place].name)} {words(others[place])}",
            key="bounds",
        )
        kept = [others[place] for place in places]
    name, low, high = st.columns([2, 1.2, 1.2], gap="small", vertical_alignment="bottom")
    metric = name.selectbox("A metric", METRICS, METRICS.index("max_drawdown"), label, key="bound-metric")
    limits = (
        low.number_input("At least", value=None, key="bound-low", placeholder="any", format="%g"),
        high.number_input("At most", value=None, key="bound-high", placeholder="any", format="%g"),
    )
    st.caption("Bounds of shares are in per cent: −20 for a drawdown of 20 %.")
    found = [Condition("trades", low=float(least))] if least else []
    if limits != (None, None):
        scale = 100 if UNITS[metric] == "share" else 1
        small, large = (None if limit is None else limit / scale for limit in limits)
        found.append(Condition(metric, low=small, high=large))
        kept = [bound for bound in kept if bound.name != metric]
    return [*kept, *found]


def _name(condition: Condition) -> str:
    if condition.name == "status":
        return "Ended"
    return label(condition.name) if condition.name in METRICS else condition.name
