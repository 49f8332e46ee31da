"""The sources of own stages: stored once for each text, given back for each run, refused when they are damaged."""

import sqlite3
from pathlib import Path

import pytest

from db.engine import FILE
from db.store import Store
from engine.errors import StoreError
from engine.own.source import Source
from tests.db.samples import new_run

MINE, LIB, EDITED = Source("mine", "x = 'ä'\n"), Source("my_lib", "y = 2\n"), Source("mine", "x = 3\n")


def rows(store: Store) -> int:
    with sqlite3.connect(store.home / FILE) as connection:
        return int(connection.execute("SELECT count(*) FROM source").fetchone()[0])


def test_a_run_keeps_the_sources_it_was_given(store: Store) -> None:
    first = store.create_run(new_run(sources=(MINE, LIB)))
    second = store.create_run(new_run(sources=(EDITED, LIB)))
    without = store.create_run(new_run())
    assert store.sources(first) == [MINE, LIB]
    assert store.sources(second) == [EDITED, LIB]
    assert store.sources(without) == []
    assert rows(store) == 3, "a text is stored once"


def test_known_sources_are_those_of_some_run(store: Store) -> None:
    store.create_run(new_run(sources=(MINE,)))
    assert store.known_sources([MINE.hash, LIB.hash]) == {MINE.hash}
    assert store.known_sources([]) == set()


def test_a_run_that_cannot_be_stored_leaves_no_source(store: Store) -> None:
    with pytest.raises(StoreError):
        store.create_run(new_run(sources=(MINE, Source("mine", "other"))))
    assert store.runs() == [] and rows(store) == 0


def test_a_damaged_source_is_refused(store: Store, tmp_path: Path) -> None:
    run = store.create_run(new_run(sources=(MINE,)))
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE source SET text = 'x = 4'")
    with pytest.raises(StoreError, match="source 'mine' of run 1 is damaged"):
        store.sources(run)
