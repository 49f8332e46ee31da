"""The datasets of a home: stored once by the hash of their content, with names on top."""

import fcntl
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from app.datasets import dropped, storage
from app.datasets.difference import Difference, difference
from app.datasets.examine import Examined, Files, examine
from app.datasets.refusal import Dropped
from app.datasets.wanted import NAME, Wanted
from app.services import paths
from engine.errors import DataError, InputError, nearest
from engine.market.dataset import Dataset
from engine.market.market import Market
from engine.market.quality import Report, check

SAMPLES = Path(__file__).parents[2] / "assets" / "data"
#: Stands between a name and the number of a version, the oldest being 1; no name holds it.
VERSION = "@"
_HASH = re.compile(r"[0-9a-f]{8,64}")


class DatasetLibrary:
    """Datasets under `HOME/datasets`: `<hash>.parquet` each, and `names.json` with the versions of each name.

    A file is never changed; a name that gets other content gets a new version, and the old one stays under its hash.
    The samples that come with Bulkhead are known from the start, and copied on first use. Several processes may use
    one home at once. Every method raises DataError with one line for the user.
    """

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self.folder = self.home / "datasets"

    def add(self, files: Files, wanted: Wanted | str, **options: Any) -> Dataset:
        """Read, check and store files as the newest version of a name; nothing is stored when a row is refused.

        `files`: paths and patterns. `wanted`: how they are read, or the name, with `options` the other fields of
        `Wanted`. What was left out is kept beside the dataset: see `dropped`.
        """
        wanted = Wanted(wanted, **options) if isinstance(wanted, str) else wanted
        examined = self.examine(files, wanted)
        market, name = examined.market, wanted.name
        with self._locked():
            if name in self._samples() and name not in self._names():
                self._install(name)
            self._agree(market)
            storage.write(market, self._path(market.dataset))
            dropped.write(self._dropped(market.dataset), name, examined.dropped)
            self._name(name, market.dataset)
        return self.get(name)

    def examine(self, files: Files, wanted: Wanted) -> Examined:
        """What `add` would store, refused where `add` would refuse it; nothing is written."""
        examined = examine(files, wanted)
        self._agree(examined.market)
        return examined

    def versions(self, name: str) -> tuple[str, ...]:
        """The hashes that a name has had, the oldest first; none for a name that nothing has."""
        samples = self._samples()
        if name in samples and name not in self._names():
            return (storage.read_description(samples[name]).hash,)
        return self._names().get(name, ())

    def list(self) -> tuple[Dataset, ...]:
        """The newest version of every name, by name. What cannot be read is left out; `problems` names it."""
        return tuple(dataset for dataset, _ in self._listed() if dataset is not None)

    def problems(self) -> tuple[str, ...]:
        """One line for each name whose stored file is missing or damaged."""
        return tuple(problem for _, problem in self._listed() if problem)

    def get(self, name_or_hash: str) -> Dataset:
        """The description of a dataset: by name (its newest version), as NAME@VERSION, or by hash.

        Of a hash, 8 letters and more are enough.
        """
        name, version, hash = self._resolve(name_or_hash)
        path = self._path(hash)
        if not path.exists():
            raise DataError(f"{path}: the stored dataset is gone; add the data again")
        dataset = storage.read_description(path)
        if dataset.hash != hash:
            raise DataError(f"{path}: the file holds another dataset; remove it and add the data again")
        return replace(dataset, name=name, version=version)

    def market(self, name_or_hash: str, symbols: Sequence[str] | None = None, end: date | str | None = None) -> Market:
        """The bars of a dataset, checked against its hash; `symbols` and `end` as in `Market.select`."""
        return storage.read(self._path(self.get(name_or_hash).hash)).select(symbols, end)

    def check(self, name_or_hash: str) -> Report:
        """What looks odd in a dataset's bars."""
        return check(self.market(name_or_hash))

    def difference(self, old: str, new: str | None = None, limit: int | None = None) -> Difference:
        """What differs between two datasets, or versions of one.

        Without `new`: from `old` to its name's newest version, or, if that is it, from the version before.
        """
        first = self.get(old)
        if new is None:
            newest = len(self.versions(first.name)) if first.name else 0
            if newest < 2:
                raise DataError(f"'{old}' has no other version to be compared with; name a second dataset")
            new = f"{first.name}{VERSION}{newest}"
            old = f"{first.name}{VERSION}{newest - 1}" if first.version == newest else old
        found = difference(self.market(old), self.market(new), limit)
        return replace(found, old=self.get(old), new=self.get(new))

    def file(self, name_or_hash: str) -> Path:
        """Where the bars of a dataset are stored. A copy of them elsewhere is a dataset too."""
        return self._path(self.get(name_or_hash).hash)

    def take(self, market: Market, name: str) -> Dataset:
        """Store bars that came from elsewhere under their hash, and under `name` if nothing is called so yet.

        A name that there is keeps its versions: the bars are then known by their hash alone.
        """
        with self._locked():
            self._agree(market)
            if not self._path(market.dataset).exists():
                storage.write(market, self._path(market.dataset))
            if name not in self._names() and name not in self._samples():
                self._name(name, market.dataset)
        return self.get(market.dataset)

    def dropped(self, name_or_hash: str) -> tuple[Dropped, ...]:
        """The rows that were left out when the name was last given these bars."""
        dataset = self.get(name_or_hash)
        return dropped.read(self._dropped(dataset.hash), dataset.name)

    def _resolve(self, wanted: str) -> tuple[str, int, str]:
        """Name ("" when only the hash is known), version, hash of what the user calls `wanted`; installs samples."""
        names = self._names()
        if wanted in names:
            return wanted, len(names[wanted]), names[wanted][-1]
        samples = self._samples()
        if VERSION in wanted:
            return self._version(*wanted.rsplit(VERSION, 1))
        if wanted in samples:
            with self._locked():
                self._install(wanted)
            return self._resolve(wanted)
        if _HASH.fullmatch(wanted):
            found = {hash: (name, k + 1, hash) for name, versions in names.items() for k, hash in enumerate(versions)}
            for path in self.folder.glob("*.parquet"):
                if _HASH.fullmatch(path.stem):
                    found.setdefault(path.stem, ("", 0, path.stem))
            match = [hash for hash in found if hash.startswith(wanted)]
            if len(match) == 1:
                return found[match[0]]
            if match:
                raise DataError(f"{len(match)} datasets have a hash that begins with {wanted}; write more of it")
            for name, path in samples.items():
                if name not in names and storage.read_description(path).hash.startswith(wanted):
                    return self._resolve(name)
        raise DataError(f"no dataset '{wanted}'; {nearest(wanted, {*names, *samples})}")

    def _version(self, name: str, version: str) -> tuple[str, int, str]:
        """Name, version and hash of NAME@VERSION."""
        if not self.versions(name):
            raise DataError(f"no dataset '{name}'; {nearest(name, {*self._names(), *self._samples()})}")
        _, newest, _ = self._resolve(name)
        versions = self.versions(name)
        number = int(version) if re.fullmatch(r"[0-9]{1,9}", version) else 0
        if not 1 <= number <= newest:
            some = "only version 1" if newest == 1 else f"the versions 1 to {newest}"
            raise DataError(f"no version '{version}' of '{name}'; it has {some}")
        return name, number, versions[number - 1]

    def _listed(self) -> Iterator[tuple[Dataset | None, str]]:
        names, samples = self._names(), self._samples()
        for name in sorted({*names, *samples}):
            try:
                if name in names:
                    yield self.get(name), ""
                else:
                    yield replace(storage.read_description(samples[name]), name=name, version=1), ""
            except DataError as error:
                yield None, f"{name}: {error}"

    def _agree(self, market: Market) -> None:
        """The same bars may not be declared in two ways: results would differ under one hash."""
        path = self._path(market.dataset)
        try:
            stored = storage.read_description(path)
        except DataError:
            return  # not there, or damaged: to be written
        for field in ("zone", "adjustment"):
            if getattr(stored, field) != getattr(market, field):
                known, now = getattr(stored, field), getattr(market, field)
                raise DataError(f"these bars are stored with {field} '{known}' already, not '{now}'; use that dataset")

    def _install(self, name: str) -> None:
        source = self._samples()[name]
        hash = storage.read_description(source).hash
        if name not in self._names():
            with storage.atomic(self._path(hash)) as file, source.open("rb") as original:
                shutil.copyfileobj(original, file)
            self._name(name, hash)

    def _name(self, name: str, hash: str) -> None:
        """Make `hash` the newest version of `name`. Called under the lock."""
        names = self._names()
        versions = names.get(name, ())
        if versions[-1:] != (hash,):
            names[name] = (*versions, hash)
        with storage.atomic(self._within("names.json")) as file:
            file.write(json.dumps({"format": 1, "names": names}, indent=1, sort_keys=True).encode())

    def _names(self) -> dict[str, tuple[str, ...]]:
        """Name to hashes, oldest version first."""
        path = self._within("names.json")
        try:
            content = json.loads(path.read_bytes())
            names = content["names"]
            sound = content["format"] == 1 and all(
                NAME.fullmatch(name) and versions and all(_HASH.fullmatch(hash) for hash in versions)
                for name, versions in names.items()
            )
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise DataError(f"{path}: this list of names is damaged; restore it, or remove it and add the data again")
        return {name: tuple(versions) for name, versions in names.items()}

    @staticmethod
    def _samples() -> dict[str, Path]:
        return {path.stem: path for path in SAMPLES.glob("*.parquet")}

    def _path(self, hash: str) -> Path:
        return self._within(f"{hash}.parquet")

    def _dropped(self, hash: str) -> Path:
        return self._within(f"{hash}.dropped.parquet")

    def _within(self, name: str) -> Path:
        """The path of a file of the library, which lies under the home whatever links are there."""
        try:
            return paths.inside(self.home, "datasets", name)
        except InputError as error:
            raise DataError(str(error)) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one process at a time changes names. The lock goes with the process, however it ends."""
        self._within("names.json")  # before anything is made
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                for path in self.folder.glob(storage.DRAFTS):  # of somebody who was killed while writing
                    path.unlink(missing_ok=True)
                yield
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be written ({error.strerror}); choose another --home") from None
