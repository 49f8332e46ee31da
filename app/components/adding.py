"""Adding a dataset from the browser: a file, what its columns are, a report of what it would become, then Add."""

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from zoneinfo import available_timezones

import streamlit as st

from app.components import datasets, dropped, html, quality
from app.components.numbers import many
from app.datasets.wanted import Wanted
from app.services import adding
from app.services.adding import Columns, Draft, Upload
from app.services.home import Home
from engine.errors import DataError
from engine.market.dataset import ADJUSTMENTS

STATE = st.session_state
#: What a bar is made of, and whether a file must have it.
_PARTS = dict.fromkeys(("time", "open", "high", "low", "close"), True)
_PARTS |= dict.fromkeys(("volume", "symbol", "split", "dividend"), False)
#: In place of a column: that there is none.
NONE = -1
_BAD_ROWS = {"refuse": "refuse the file", "drop": "drop them, and keep a list"}
_STAMPS = {"open": "when the bar opens", "close": "when the bar closes"}


def added(home: Home, empty: bool = False) -> None:
    """The form. A dataset that was added is what the page shows next."""
    if line := STATE.pop("data.added", None):
        st.html(html.notice(line))
    form = f"upload-{STATE.get('data.count', 0)}"  # a new one when a file was added
    with st.expander("Add a dataset", icon=":material/add:", expanded=empty, key=f"adding-{form}"):
        st.caption(
            "CSV or Parquet; one symbol, or many under each other with a column for the symbol. Nothing is stored "
            "before the whole file has been checked."
        )
        file = st.file_uploader("A file of bars", type=list(adding.SUFFIXES), key=form)
        if file is None:
            return
        upload = Upload(file.name, file.getvalue())
        try:
            found = _columns(home.path, file.file_id, upload)
        except DataError as error:
            st.html(html.notice(error, "error"))
            return
        wanted = _form(upload, found, file.file_id)
        if not wanted.name:
            st.caption("Give it a name.")
            return
        try:
            draft = _draft(home.path, file.file_id, _key(wanted), upload, wanted)
        except DataError as error:
            st.html(html.notice(f"It would be refused. {error}", "error"))
            return
        _report(draft)
        # not a callback: it would get what the fields said when the button was drawn
        if st.button("Add", type="primary", icon=":material/add:", key=f"add-{form}"):
            _add(home, upload, wanted)
            st.rerun()
        if problem := STATE.pop("data.problem", None):
            st.html(html.notice(problem, "error"))


def _form(upload: Upload, found: Columns, form: str) -> Wanted:
    """How the file is to be read."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.text_input("Name", upload.suggestion, max_chars=64, key=f"name-{form}", width=220)
        adjustment = st.selectbox(
            "Prices", ADJUSTMENTS, format_func=datasets.ADJUSTMENTS.__getitem__, key=f"adjustment-{form}", width=260
        )
        zone = st.selectbox(
            "Time zone",
            sorted(available_timezones()),
            None,
            key=f"zone-{form}",
            placeholder="as in the file",
            help="Where the clock stood, for intraday times without an offset. Daily bars need none.",
            width=240,
        )
        stamp = st.selectbox(
            "Times say", list(_STAMPS), format_func=_STAMPS.__getitem__, key=f"stamp-{form}", width=190,
            help="Of intraday bars. Stored is the time when a bar opens; daily bars are known by their date.",
        )  # fmt: skip
        bad = st.selectbox(
            "Bad rows", list(_BAD_ROWS), format_func=_BAD_ROWS.__getitem__, key=f"bad-{form}", width=220,
            help="Rows that no bar can be: without a price, with the high below the low, a time that stands twice…",
        )  # fmt: skip
        symbol = ""
        if "symbol" not in found.taken:
            symbol = st.text_input(
                "Symbol", max_chars=64, key=f"symbol-{form}", placeholder=name or "as the name", width=150
            )
    mapping = {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for part, needed in _PARTS.items():
            taken = found.taken.get(part)
            spare = [NONE] if taken is not None and not needed else []  # a box that stood on a column knows no nothing
            choices = [*spare, *range(len(found.names))]
            place = st.selectbox(
                f"Column: {part}",
                choices,
                choices.index(found.names.index(taken)) if taken is not None else None,
                lambda choice: "none" if choice == NONE else html.clean(found.names[choice]) or "(no name)",
                key=f"column-{part}-{form}",
                placeholder="choose" if needed else "none",
                width=150,
            )
            if place is not None and (column := "" if place == NONE else found.names[place]) != taken:
                mapping[part] = column
    chosen, since = _features(found, {**found.taken, **mapping}.values(), form)
    return Wanted(
        name.strip(),
        zone,
        mapping,
        symbol.strip() or None,
        adjustment,
        bad_rows=bad,
        stamp=stamp,
        features=chosen,
        available_at=since,
    )


def _features(found: Columns, taken: Collection[str], form: str) -> tuple[dict[str, str], str | None]:
    """Further columns that stages may use, and the one that says when they are known."""
    free = {name: column for name, column in found.features.items() if column not in taken}
    if not free:
        return {}, None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        names = st.multiselect(
            "Features",
            list(free),
            format_func=lambda name: html.clean(free.get(name, name)),
            key=f"features-{form}",
            placeholder="none",
            help="Further columns of numbers, which stages find as market.features.",
            width=460,
        )
        names = [name for name in names if name in free]
        since = None
        if names:
            since = st.selectbox(
                "Features are known from",
                [column for name, column in free.items() if name not in names],
                None,
                html.clean,
                key=f"available-{form}",
                placeholder="their own bar on",
                width=240,
            )
    return {name: free[name] for name in names}, since


def _report(draft: Draft) -> None:
    found = draft.dataset
    st.html(
        html.facts(
            [
                ("Rows", f"{draft.rows:,}, {f'{len(draft.dropped):,} dropped' if draft.dropped else 'none refused'}"),
                ("Symbols", f"{len(found.symbols):,}: {datasets.symbols(found.symbols)}"),
                ("Bars", f"{many(found.bars, 'bar')} of {found.frequency}"),
                ("Period", f"{found.first} to {found.last}"),
                ("Sessions", f"in {found.zone}, {found.sessions_per_year:g} a year"),
                *datasets.beside(found),
                ("Hash", found.hash[:12]),
            ]
        )
    )
    dropped.dropped(draft.dropped, "draft-dropped")
    st.html(html.paragraph(f"Adding it makes {draft.outcome}."))
    if lines := quality.sentences(draft.report):
        st.html(html.notice("\n".join(["It can be added. What looks odd in it:", *lines]), "warning"))


def _add(home: Home, upload: Upload, wanted: Wanted) -> None:
    try:
        dataset = adding.add(home, upload, wanted)
    except DataError as error:
        STATE["data.problem"] = str(error)
        return
    STATE["data.count"] = STATE.get("data.count", 0) + 1
    STATE["data.added"] = f"Added: {dataset.name}, version {dataset.version} ({many(dataset.bars, 'bar')})."
    st.query_params["dataset"] = dataset.name


def _key(wanted: Wanted) -> tuple[object, ...]:
    return tuple(
        tuple(sorted(value.items())) if isinstance(value, dict) else value
        for value in (getattr(wanted, field.name) for field in fields(wanted))
    )


@st.cache_data(max_entries=8, show_spinner="Reading the file…")
def _columns(home: Path, file: str, _upload: Upload) -> Columns:
    return adding.columns(Home(home), _upload)


# What becomes of the name depends on the home, which others may change: not for long.
@st.cache_data(max_entries=8, ttl=30, show_spinner="Checking every row…")
def _draft(home: Path, file: str, key: tuple[object, ...], _upload: Upload, _wanted: Wanted) -> Draft:
    return adding.draft(Home(home), _upload, _wanted)
