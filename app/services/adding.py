"""Adding market data from an uploaded file: looked at first, then stored as `bulkhead data add` stores it.

An upload is bytes and a name. The name is only ever shown: the bytes go to a file of a generated name, in a folder of
the home, for as long as they are read.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.datasets import features, frames
from app.datasets.columns import suggested
from app.datasets.files import File
from app.datasets.refusal import Dropped
from app.datasets.wanted import Wanted
from app.services.home import Home
from engine.errors import DataError
from engine.market.dataset import Dataset, describe
from engine.market.quality import Report, check

#: What can be uploaded. Compressed text is for the command line: how much comes out of it is not known before.
SUFFIXES = ("csv", "txt", "tsv", "parquet", "pq")
#: A dataset's possible names begin like this; the rest of a file's name is left out.
_SPARE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: `name` as its owner calls it (never used as a path)."""

    name: str
    content: bytes

    @property
    def suggestion(self) -> str:
        """A name for the dataset, from the file's."""
        stem = self.name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        return _SPARE.sub("-", stem).strip("-._")[:64]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file would become. `rows`: bars of all symbols; `outcome`: what adding does to the name, in words."""

    dataset: Dataset
    rows: int
    dropped: tuple[Dropped, ...]
    outcome: str
    report: Report


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file, which of them would be taken for the time, the open, …, and the features others can be."""

    names: tuple[str, ...]
    taken: Mapping[str, str]
    features: Mapping[str, str]


def columns(home: Home, upload: Upload) -> Columns:
    """What the file's columns are called. DataError when it cannot be read."""
    with _file(home, upload) as file:
        names = frames.header(file)
    taken = suggested(names)
    return Columns(tuple(names), taken, features.suggested(names, taken.values()))


def draft(home: Home, upload: Upload, wanted: Wanted) -> Draft:
    """Read and check the whole file without storing anything. DataError: why it would be refused, with its row."""
    with _file(home, upload) as file:
        examined = home.datasets.examine(file, wanted)
    market = examined.market
    outcome = _outcome(home, wanted.name, market.dataset)
    return Draft(describe(market), int(market.valid.sum()), examined.dropped, outcome, check(market))


def add(home: Home, upload: Upload, wanted: Wanted) -> Dataset:
    """Store the file's bars as the newest version of the name. DataError, and nothing stored, when it is refused."""
    with _file(home, upload) as file:
        return home.datasets.add(file, wanted)


def _outcome(home: Home, name: str, hash: str) -> str:
    """What becomes of the name."""
    versions = home.datasets.versions(name)
    if not versions:
        return f"a new dataset, '{name}'"
    if versions[-1] == hash:
        return f"nothing new: '{name}' has exactly these bars already (version {len(versions)})"
    if hash in versions:
        return (
            f"version {len(versions) + 1} of '{name}', the same bars as its version {versions.index(hash) + 1}; "
            "runs on the other versions keep theirs"
        )
    return f"version {len(versions) + 1} of '{name}'; runs on the versions before keep theirs"


@contextmanager
def _file(home: Home, upload: Upload) -> Iterator[File]:
    """The upload as a file, gone after the block. What is said of it carries its owner's name, and no options."""
    suffix = upload.name.rpartition(".")[2].lower()
    path = home.within("tmp", f"{uuid.uuid4().hex}.{suffix if suffix in SUFFIXES else 'csv'}")
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(upload.content)
        yield File(path, _shown(upload.name))
    except DataError as error:
        raise DataError(_in_words(str(error), path, _shown(upload.name))) from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); is there room on the disk?") from None
    finally:
        path.unlink(missing_ok=True)


#: What the command line advises, and what a form does.
_ADVICE = (
    (re.compile(r"(?:use|name one with) --map (\w+)=(?:'[^']*'|\w+)"), r"choose the column for the \1"),
    (re.compile(r"as --tz [\w/+-]+"), "by choosing their time zone"),
    (re.compile(r"leave the column out with --map (\w+)="), r"choose no column for the \1"),
    (re.compile(r"leave out --stamp close"), "choose that times say when the bar opens"),
    (re.compile(r"; choose another --home"), ""),
)


def _in_words(line: str, path: Path, name: str) -> str:
    for pattern, words in _ADVICE:
        line = pattern.sub(words, line)
    return line.replace(str(path), name).replace(path.name, name)


def _shown(name: str) -> str:
    """A file's name as its owner calls it, of printable characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)[:120]
