"""The errors of Bulkhead, one small tree.

    BulkheadError                    one clear line: what was wrong, where, what to change
    ├── InputError                   the user's input cannot be used: exit code 2
    │   ├── ConfigError              an experiment's TOML, a parameter, a sweep
    │   ├── DataError                market data: a file, a dataset, a symbol
    │   └── StoreError               a database or file of the home that cannot be used as it is
    ├── ContractError                a stage emits or reads what the contract table does not grant
    └── StageError                   a stage gave a result that breaks its protocol (shape, range, dtype)

Anything else that escapes is a defect of Bulkhead itself and is reported as an internal error.
"""

from collections.abc import Iterable
from difflib import get_close_matches

#: Characters of a message.
MOST = 2000


class BulkheadError(Exception):
    """Base of all errors Bulkhead raises on purpose; `str(error)` is one line for the user.

    Whatever a message quotes, it stays one line of printable characters, and of a length that can be read.
    """

    def __str__(self) -> str:
        text = super().__str__()
        text = text if len(text) <= MOST else f"{text[:MOST]}…"
        return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


class InputError(BulkheadError):
    """The user's input cannot be used."""


class ConfigError(InputError):
    """An experiment's configuration cannot be used."""


class DataError(InputError):
    """Market data cannot be used."""


class StoreError(InputError):
    """The home's database or a stored file cannot be used as it is."""


class ContractError(BulkheadError):
    """A stage emitted or read a kind of event that the contract table does not grant it."""


class StageError(BulkheadError):
    """A stage's result breaks its protocol."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a message: the known word nearest to `word`, or all of them when none is near."""
    words = sorted(known)
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(words)}" if words else "none is known"
