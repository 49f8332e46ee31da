"""Reading a bundle that a stranger may have made: bounded, checked part by part, and none of its code is run.

Whatever is wrong with it is one DataError; until all of it is known to be sound, nothing is written.
"""

import hashlib
import json
import re
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.datasets import storage
from app.services.bundle import CONFIG, MANIFEST, MOST_BYTES, Manifest, Part
from app.services.bundle_log import decode
from engine import config
from engine.config import ExpectedSection, ReplaySection
from engine.errors import ConfigError, DataError, InputError
from engine.market.dataset import ADJUSTMENTS, build
from engine.market.market import COLUMNS, Market
from engine.own.source import MAX_CHARACTERS, MAX_FILES, Source, taken
from engine.signals.stored import SignalLog

_ENDING = struct.Struct("<4s4H2LH")
_ENTRIES, _DIRECTORY = 4001, 1 << 20
#: Kind of part → its name, and the most bytes of one.
_NAMES = {
    "manifest": (re.compile(r"manifest\.json"), 16 << 20),
    "config": (re.compile(r"config\.toml"), 4 * config.MAX_BYTES),
    "source": (re.compile(r"source/([A-Za-z_][A-Za-z0-9_]{0,99})\.py"), 4 * MAX_CHARACTERS),
    "log": (re.compile(r"logs/([0-9a-f]{64})\.arrow"), 256 << 20),
    "data": (re.compile(r"data/([0-9a-f]{64})\.parquet"), MOST_BYTES),
}
#: Values of a dataset that are read at once: 4 GiB of them.
_MOST_VALUES = 1 << 29


@dataclass(frozen=True)
class Bundle:
    """A bundle that is sound. raw: the config as plain data; logs by digest; data: whether the dataset is in it."""

    path: Path
    manifest: Manifest
    config: str
    raw: dict[str, Any]
    sources: tuple[Source, ...]
    logs: dict[str, SignalLog]
    data: bool

    @property
    def name(self) -> str:
        return str(self.raw["experiment"]["name"])

    def market(self) -> Market | None:
        """The dataset that it brings along, made anew of its bars; None without. DataError when it is another."""
        if not self.data:
            return None
        part = next(part for part in self.manifest.parts if part.name.startswith("data/"))
        with _opened(self.path) as archive, tempfile.TemporaryDirectory(prefix="bulkhead-bundle-") as folder:
            target = Path(folder) / "data.parquet"
            with target.open("wb") as out:
                for chunk in _checked(archive, part):
                    out.write(chunk)
            return _market(target, self.manifest.dataset_hash)


def read(path: Path) -> Bundle:
    """A bundle, all of it checked. DataError in one line."""
    with _opened(path) as archive:
        entries = _entries(archive, path.stat().st_size)
        manifest = _manifest(archive, entries)
        texts: dict[str, bytes] = {}
        data = False
        for part in manifest.parts:
            kind, key = _kind(part.name)
            if kind == "data":
                data = True
                if key != manifest.dataset_hash:
                    _refuse(f"{part.name[:24]}… is not the dataset that its manifest names")
                for _ in _checked(archive, part):
                    pass
            else:
                texts[part.name] = b"".join(_checked(archive, part))
    sources = tuple(_source(name, content) for name, content in sorted(texts.items()) if _kind(name)[0] == "source")
    text = _text(CONFIG, texts[CONFIG])
    raw = _config(text, manifest)
    told = {log.digest: log for log in manifest.logs}
    if len(told) < len(manifest.logs) or {f"logs/{digest}.arrow" for digest in told} != {
        name for name in texts if _kind(name)[0] == "log"
    }:
        _refuse("its manifest names other signal logs than it holds")
    logs = {
        digest: decode(texts[f"logs/{digest}.arrow"], one, manifest.dataset_hash, manifest.dataset)
        for digest, one in told.items()
    }
    return Bundle(path, manifest, text, raw, sources, logs, data)


def _refuse(why: str) -> NoReturn:
    raise DataError(f"the bundle cannot be used: {why}; ask for another")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The ZIP file, once its last bytes say that its list of parts is short. DataError for what is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size > MOST_BYTES:
                _refuse("it is larger than 2 GiB")
            file.seek(max(0, size - _ENDING.size))
            ending = file.read(_ENDING.size)
            if len(ending) < _ENDING.size or ending[:4] != b"PK\5\6":
                _refuse("it does not end as a bundle does, perhaps it is cut short")
            _, disk, first, here, count, length, start, comment = _ENDING.unpack(ending)
            if disk or first or here != count or count > _ENTRIES or length > _DIRECTORY or comment:
                _refuse("its list of parts is too long, or none")
            if start + length + _ENDING.size != size:
                _refuse("its list of parts does not stand where it says")
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}; check the name") from None
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        struct.error,
        NotImplementedError,
        EOFError,
        RuntimeError,
    ) as error:
        raise DataError(f"the bundle cannot be used: it is damaged ({error}); ask for another") from None
    except UnicodeError:
        raise DataError("the bundle cannot be used: a part's name is no text; ask for another") from None


def _entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The parts by name, none of them packed, linked, hidden in another, or called anything else than parts are."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename
        _, limit = _NAMES[_kind(name)[0]]
        if name in found:
            _refuse(f"{name[:80]} stands in it twice")
        if entry.orig_filename != name or entry.flag_bits & 0x1 or entry.extra or entry.comment:
            _refuse(f"{name[:80]} is written as no bundle writes it")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            _refuse(f"{name[:80]} is packed, and the parts of a bundle are not")
        mode = entry.external_attr >> 16
        if mode and not stat.S_ISREG(mode):
            _refuse(f"{name[:80]} is no file but a link or a folder")
        if entry.file_size > limit:
            _refuse(f"{name[:80]} is too large, {entry.file_size:,} bytes")
        found[name] = entry
    if sum(entry.file_size for entry in found.values()) > size:
        _refuse("its parts are larger than it is")
    for name in (MANIFEST, CONFIG):
        if name not in found:
            _refuse(f"{name} is missing")
    if sum(name.startswith("source/") for name in found) > MAX_FILES:
        _refuse(f"it brings more than {MAX_FILES} files of own stages")
    return found


def _kind(name: str) -> tuple[str, str]:
    """What a part is by its name, and what the name says of it. DataError for any other name."""
    for kind, (pattern, _) in _NAMES.items():
        match = pattern.fullmatch(name)
        if match:
            return kind, match[1] if pattern.groups else ""
    _refuse(f"there is no part called {name[:80]!r} in a bundle")


def _manifest(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> Manifest:
    """What it says of its parts, which must be all parts that it has."""
    data = archive.read(MANIFEST)
    try:
        found = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        _refuse("its manifest is no JSON")
    if not isinstance(found, dict):
        _refuse("its manifest is no table")
    if found.get("format") != 1:
        _refuse(f"its format is {str(found.get('format'))[:20]}, and this version of Bulkhead reads 1")
    try:
        manifest = config.validated(Manifest, found, "its manifest")
    except ConfigError as error:
        _refuse(" ".join(str(error).split())[:300])
    listed = {part.name: part for part in manifest.parts}
    if len(listed) < len(manifest.parts) or set(listed) != set(entries) - {MANIFEST}:
        _refuse("its manifest names other parts than it holds")
    for name, part in listed.items():
        if part.bytes != entries[name].file_size:
            _refuse(f"{name[:80]} has another size than its manifest says")
    return manifest


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _checked(archive: zipfile.ZipFile, part: Part) -> Iterator[bytes]:
    """The bytes of a part; at their end DataError when they have another hash than the manifest says."""
    digest = hashlib.sha256()
    with archive.open(part.name) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != part.sha256:
        _refuse(f"{part.name[:80]} was changed: it has another hash than its manifest says")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        _refuse(f"{name} is no text in UTF-8")


def _source(name: str, content: bytes) -> Source:
    """A file of own stages, as text."""
    text, key = _text(name, content), _kind(name)[1]
    if len(text) > MAX_CHARACTERS or "\0" in text:
        _refuse(f"{name} is no Python source, or longer than {MAX_CHARACTERS:,} characters")
    if taken(key, Path(name)):
        _refuse(f"{name} is called like another module")
    return Source(key, text)


def _config(text: str, manifest: Manifest) -> dict[str, Any]:
    """The config as plain data; it may name what the bundle holds, and nothing else."""
    try:
        raw = config.load(text)
        config.check_sections(raw)
        header = config.section(config.ExperimentSection, raw, "experiment")
        expected = config.section(ExpectedSection, raw, "expected")
        named = config.section(ReplaySection, raw, "replay") if "replay" in raw else None
    except ConfigError as error:
        _refuse(f"its config is none ({error})")
    for name in (config.SOURCE, config.LOG):
        if name in raw:
            _refuse(f"its config has [{name}], which stands beside it in a bundle")
    if expected.dataset_hash != manifest.dataset_hash:
        _refuse("its config pins another dataset than its manifest")
    wanted = set() if named is None else {*named.signals, *([named.regimes] if named.regimes else [])}
    if wanted != {log.digest for log in manifest.logs}:
        _refuse(f"the config of '{header.name[:60]}' replays other signal logs than the bundle brings")
    return raw


def _market(path: Path, hash: str) -> Market:
    """The bars of a Parquet file that must have this hash; their calendar is worked out anew, whatever it says."""
    try:
        file = pq.ParquetFile(path)
        schema, columns = file.schema_arrow, file.metadata.num_columns
        for field in schema:
            plain = pa.types.is_int64(field.type) if field.name == "time" else pa.types.is_float64(field.type)
            words = field.name == "symbol" and pa.types.is_dictionary(field.type)
            if not plain and not (words and pa.types.is_string(field.type.value_type)):
                _refuse(f"its dataset has a column of {str(field.type)[:40]}")
        rows = file.metadata.num_rows
        if rows * columns > _MOST_VALUES or columns > 1000 or rows < 1:
            _refuse(f"its dataset has {rows:,} rows of {columns:,} columns")
        found = storage.read(path)
        if found.adjustment not in ADJUSTMENTS:
            _refuse("its dataset is adjusted in an unknown way")
        market = build(
            found.time,
            found.symbols,
            {name: getattr(found, name) for name in COLUMNS},
            zone=found.zone,
            adjustment=found.adjustment,
            actions=found.actions,
            features=found.features,
        )
        prices = np.concatenate([getattr(market, name)[market.valid] for name in COLUMNS if name != "volume"])
        named = all(symbol.strip() and len(symbol) <= 64 and symbol.isprintable() for symbol in market.symbols)
        if market.dataset != hash or not (prices > 0.0).all() or not np.isfinite(prices).all() or not named:
            _refuse("its dataset is not the one that it names, or holds what is no price")
    except DataError:
        raise DataError("the bundle cannot be used: its dataset is damaged or another; ask for another") from None
    except Exception as error:  # whatever a file made to do harm can do to a reader
        raise DataError(
            f"the bundle cannot be used: its dataset cannot be read ({type(error).__name__}); ask for another"
        ) from None
    return market
