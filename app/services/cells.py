"""Texts in the cells of a file that a spreadsheet opens: a text that it would compute gets an apostrophe before it."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: A text that begins with one of these is a formula to some spreadsheet; the last four are wide forms of the first.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def cell(text: str) -> str:
    """`text` as a cell that stays a text; a number in words is one already."""
    return f"'{text}" if text.startswith(_FORMULAS) and not _NUMBER.fullmatch(text) else text


def safe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """`frame` with its texts, and the names of its columns, as cells; numbers stay numbers."""
    changed = frame.copy()
    for column in frame.columns:
        if frame[column].dtype.kind != "O":  # texts, of whatever dtype pandas gives them
            continue
        found = {word: _cell(word) for word in frame[column].dropna().unique()}
        words = {word: new for word, new in found.items() if new != word}
        if words:
            changed[column] = frame[column].map(lambda word, words=words: words.get(word, word))
    return changed.rename(columns={name: _cell(name) for name in frame.columns})


def _cell(word: Any) -> Any:
    return cell(word) if isinstance(word, str) else word
