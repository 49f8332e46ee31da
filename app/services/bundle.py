"""A bundle: one file with all that a run or container needs to be run anew elsewhere. How it is written.

It is a ZIP file whose parts are not packed, in a fixed order, without times, so that the same content is the same file:

    manifest.json           the format, and size and SHA-256 of every part
    config.toml             the config, with what came out in [expected]
    source/NAME.py          the user's own stages it runs
    logs/DIGEST.arrow       the signal logs it replays
    data/HASH.parquet       its dataset, when asked for
"""

import hashlib
import json
import shutil
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Literal

from pydantic import Field

from app.datasets.storage import atomic
from app.services import running
from app.services.bundle_log import LogAbout, about, encode
from app.services.exporting import Exported, exported_container, exported_run
from app.services.home import Home
from app.services.replays import signal_log
from engine import __version__, config
from engine.config import ExpectedSection, LogSection, Section
from engine.errors import InputError, StoreError
from engine.signals.stored import SignalLog

FORMAT = 1
MANIFEST, CONFIG = "manifest.json", "config.toml"
#: Bytes of a whole bundle, which is read without ZIP's extension for larger files.
MOST_BYTES = (1 << 31) - 1


class Part(Section):
    """A part's name, its size in bytes and its SHA-256 (hex)."""

    name: str = Field(max_length=200)
    bytes: int = Field(ge=0, le=MOST_BYTES)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(Section):
    """What a bundle says of itself. what: "run 3" or "container 3/17", in the home that it was made in."""

    format: Literal[1]
    bulkhead: str = Field(max_length=100)
    what: str = Field(max_length=100)
    dataset: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    dataset_hash: str = Field(pattern="^[0-9a-f]{64}$")
    logs: list[LogAbout] = Field(max_length=1001)
    parts: list[Part] = Field(min_length=1, max_length=4000)


def write(home: Home, run_id: int, index: int | None, target: Path, with_data: bool = False) -> Manifest:
    """Write the bundle of a run, or of one of its containers. StoreError or InputError in one line.

    The file takes its place whole or not at all.
    """
    exported = exported_run(home, run_id) if index is None else exported_container(home, run_id, index)
    expected = ExpectedSection.model_validate(config.load(exported.text)["expected"])
    logs = _logs(home, exported)
    parts: dict[str, bytes | Path] = {CONFIG: exported.text.encode()}
    parts |= {f"source/{source.name}.py": source.text.encode() for source in exported.sources}
    parts |= {f"logs/{digest}.arrow": encode(log.rows) for digest, log in sorted(logs.items())}
    if with_data:
        parts[f"data/{expected.dataset_hash}.parquet"] = home.datasets.file(expected.dataset_hash)
    with home.store() as store:
        name = store.progress(run_id).dataset
    manifest = Manifest(
        format=FORMAT,
        bulkhead=__version__,
        what=exported.what,
        dataset=home.datasets.get(expected.dataset_hash).name or name,
        dataset_hash=expected.dataset_hash,
        logs=[about(log) for _, log in sorted(logs.items())],
        parts=[_part(name, content) for name, content in parts.items()],
    )
    if sum(part.bytes for part in manifest.parts) > MOST_BYTES - (1 << 20):
        raise StoreError(f"the bundle of {exported.what} would be larger than 2 GiB; leave out --with-data")
    told = json.dumps(manifest.model_dump(mode="json"), indent=1).encode()
    try:
        with atomic(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            for name, content in {MANIFEST: told, **parts}.items():
                entry = zipfile.ZipInfo(name)  # of 1980
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                opened = content.open("rb") if isinstance(content, Path) else BytesIO(content)
                with opened as source, archive.open(entry, "w") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}; choose another place") from None
    return manifest


def _logs(home: Home, exported: Exported) -> dict[str, SignalLog]:
    """The logs of a replay by digest; those that its config brought along are made anew."""
    found = {}
    for digest, place in exported.logs.items():
        if isinstance(place, LogSection):
            found[digest] = running.made(home, False, place)
        else:
            found[digest] = signal_log(home, f"{place[0]}/{place[1]}")
    return found


def _part(name: str, content: bytes | Path) -> Part:
    if isinstance(content, bytes):
        return Part(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    with content.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Part(name=name, bytes=file.tell(), sha256=digest)
