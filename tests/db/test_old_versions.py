"""Databases that earlier versions wrote: the newest code opens them, and reads all of them unchanged."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import backup, schema
from db.engine import FILE
from db.store import Store
from db.verify import verify
from tests.db.fixtures.make_0001 import everything
from tests.db.samples import block, new_run

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(path.name.partition(".")[0] for path in FIXTURES.glob("*.sqlite.gz"))


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A home with a database of a version, and the version."""
    packed = FIXTURES / f"{request.param}.sqlite.gz"
    (tmp_path / FILE).write_bytes(gzip.decompress(packed.read_bytes()))
    return request.param, tmp_path


def version(home: Path) -> str:
    with closing(sqlite3.connect(home / FILE)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def kept(told: object, known: object) -> None:
    """Assert that all that was `known` is told just so; what a newer version tells beside it is its own affair."""
    if isinstance(known, dict):
        assert isinstance(told, dict) and known.keys() <= told.keys()
        for key, value in known.items():
            kept(told[key], value)
    elif isinstance(known, list):
        assert isinstance(told, list) and len(told) == len(known)
        for one, other in zip(told, known, strict=True):
            kept(one, other)
    else:
        assert told == known


def test_the_first_version_is_among_them() -> None:
    assert VERSIONS[0] == "0001" and set(VERSIONS) <= schema.known_versions()


def test_it_is_read_unchanged(old: tuple[str, Path]) -> None:
    name, home = old
    assert version(home) == name
    known = json.loads((FIXTURES / f"{name}.json").read_text())
    with Store(home) as store:
        kept(everything(store), known)
    assert len(known[0]["containers"]) == 5 and known[0]["run"]["digest"]
    assert version(home) == schema.HEAD
    assert verify(home).damage == []


def test_it_can_be_written_to(old: tuple[str, Path]) -> None:
    _, home = old
    with Store(home) as store, store.claim(store.create_run(new_run(2))) as lease:
        store.commit(lease, block([0, 1]))
        store.finish(lease, "done")
        assert [run.status for run in store.runs()] == ["done", "done"]
        assert len(store.containers(2)) == 2


def test_its_backup_is_of_its_version(old: tuple[str, Path]) -> None:
    name, home = old
    made = backup.copy(home, home / "copy" / FILE)
    assert made.schema == name == version(home) == version(home / "copy")


def test_looking_for_damage_does_not_migrate(old: tuple[str, Path]) -> None:
    name, home = old
    assert verify(home).damage == [] and version(home) == name
