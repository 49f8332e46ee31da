"""The draft that is being written: where it came from, what it is now, and its place in the address.

The draft is the one source of truth. A widget of the form writes into it and the text follows; a text that is applied
replaces it and the form is drawn anew. The address holds the draft too, so that a reload or a link brings it back.
"""

import base64
import binascii
import zlib

import streamlit as st

from app.services import drafting
from app.services.drafting import Draft, Place
from app.services.home import Home
from engine.config import MAX_BYTES
from engine.errors import InputError

STATE = st.session_state
DRAFT, TEXT, ADDRESS = "experiment.draft", "experiment.text", "experiment.address"
#: One line on a text that is no TOML, and one on a start that is not there.
TEXT_PROBLEM, START_PROBLEM = "experiment.text-problem", "experiment.start-problem"
#: Grows when the draft is replaced: widgets of an older generation are forgotten with what they held.
GENERATION = "experiment.generation"
#: The key of the text's widget.
EDITOR = "toml"
STARTS = ("example", "run", "dataset", "draft")
#: Longer drafts are kept by the session only.
LONGEST_ADDRESS = 3_000


def open_draft(home: Home) -> None:
    """Begin with what the address names; with the sample when it names nothing and nothing is being written."""
    asked = {name: st.query_params[name] for name in STARTS if name in st.query_params}
    if DRAFT in STATE and (not asked or asked == STATE.get(ADDRESS)):
        if not asked:
            st.query_params.update(STATE.get(ADDRESS, {}))
        return
    STATE.pop(START_PROBLEM, None)
    try:
        replace(_named(home, asked))
    except InputError as error:
        STATE[START_PROBLEM] = str(error)
        replace(str(drafting.example_text(drafting.SAMPLE)))
        asked = {name: asked[name] for name in asked}
    STATE[ADDRESS] = asked


def _named(home: Home, asked: dict[str, str]) -> str:
    """The text that an address begins with. Raises InputError."""
    if "draft" in asked:
        return unpacked(asked["draft"])
    if "run" in asked:
        wanted = asked["run"]
        if not (wanted.isdecimal() and len(wanted) < 19):
            raise InputError(f"There is no run {wanted} in this home; this is the sample instead.")
        return drafting.run_text(home, int(wanted))
    if "dataset" in asked:
        return drafting.dataset_text(asked["dataset"])
    name = asked.get("example", drafting.SAMPLE)
    text = drafting.example_text(name)
    if text is None:
        raise InputError(f"There is no example '{name}'; this is the sample instead.")
    return text


def begin(home: Home, start: dict[str, str]) -> None:
    """Begin anew with an example or a run."""
    STATE.pop(START_PROBLEM, None)
    try:
        replace(_named(home, start))
    except InputError as error:
        STATE[START_PROBLEM] = str(error)
        return
    _address(start)


def replace(text: str) -> None:
    """Take a text as the draft. Raises ConfigError, and changes nothing, when it is no TOML."""
    found = drafting.parsed(text)
    STATE[DRAFT], STATE[TEXT] = found, text
    STATE[EDITOR] = text
    STATE[GENERATION] = STATE.get(GENERATION, 0) + 1
    STATE.pop(TEXT_PROBLEM, None)


def edit(changed: Draft, anew: bool = False) -> None:
    """Take a draft that the form has changed. `anew`: the form has other fields now."""
    STATE[DRAFT] = changed
    STATE[TEXT] = STATE[EDITOR] = drafting.dumped(changed)
    STATE.pop(TEXT_PROBLEM, None)
    if anew:
        STATE[GENERATION] += 1
    _address({"draft": packed(STATE[TEXT])})


def apply_text() -> None:
    """Take the text as it was edited; one that is no TOML stays beside the last draft, with the line that says why."""
    text = STATE[EDITOR]
    try:
        replace(text)
    except InputError as error:
        STATE[TEXT], STATE[TEXT_PROBLEM] = text, str(error)
    else:
        _address({"draft": packed(text)})


def discard_text() -> None:
    """Go back to the text of the last draft."""
    STATE[TEXT] = STATE[EDITOR] = drafting.dumped(STATE[DRAFT])
    STATE.pop(TEXT_PROBLEM, None)


def draft() -> Draft:
    found: Draft = STATE[DRAFT]
    return found


def key(place: Place, what: str = "") -> str:
    """The key of a widget of this generation of the form."""
    return f"form-{STATE[GENERATION]}-{'.'.join(map(str, place))}-{what}"


def _address(start: dict[str, str]) -> None:
    """Write what the page shows into its address; what is too long for one is kept by the session."""
    found = start if sum(map(len, start.values())) <= LONGEST_ADDRESS else {}
    STATE[ADDRESS] = found
    st.query_params.from_dict(found)


def packed(text: str) -> str:
    """A text for an address."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def unpacked(word: str) -> str:
    """The text of an address. Raises InputError when it holds none, or more than a config may have."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)), MAX_BYTES).decode()
    except (binascii.Error, zlib.error, ValueError):
        raise InputError("The link holds no draft that can be read; this is the sample instead.") from None
    if reader.unconsumed_tail:
        raise InputError("The link holds too long a draft; this is the sample instead.")
    return text
