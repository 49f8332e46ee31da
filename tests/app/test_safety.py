"""`bulkhead backup` and `bulkhead verify`: what they say, where they write, and the way back."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.services import backups
from app.services.home import Home
from db.schema import HEAD
from tests.app.small import SMALL, bulkhead, refused, write


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("safety")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def damage(home: Path) -> None:
    with closing(sqlite3.connect(home / "bulkhead.sqlite")) as connection, connection:
        connection.execute("UPDATE metrics SET sharpe = 99 WHERE idx = 5")


def test_a_backup_in_the_home_says_what_it_is_and_is_not(home: Path) -> None:
    told = bulkhead(home, "backup")
    (file,) = (home / "backups").iterdir()
    assert told.code == 0 and str(file) in told.out and "1 run, 9 containers" in told.out
    assert "the database alone" in told.out
    assert all(str(home / name) in told.out for name in ("datasets", "stages"))
    again = bulkhead(home, "backup", "--json").json
    assert Path(again["path"]).parent == home / "backups" and again["path"] != str(file)
    assert (again["runs"], again["containers"], again["schema"]) == (1, 9, HEAD)
    assert again["without"] == [str(home / "datasets"), str(home / "stages")]
    assert backups.newest(Home(home)) == Path(again["path"])


def test_a_backup_may_go_anywhere_and_replaces_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "copy.sqlite"
    assert bulkhead(home, "backup", str(file)).code == 0 and not (home / "backups").exists()
    before = file.read_bytes()
    refused(bulkhead(home, "backup", str(file)), "is there already")
    refused(bulkhead(home, "backup", str(tmp_path)), "is there already")
    refused(bulkhead(home, "backup", "a\0b"), "null byte")
    refused(bulkhead(tmp_path / "empty", "backup"), "there is no database")
    assert file.read_bytes() == before and not (tmp_path / "empty" / "backups").exists()


def test_backups_do_not_leave_the_home_by_a_link(home: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (home / "backups").symlink_to(tmp_path / "outside")
    refused(bulkhead(home, "backup"), "a link that leads out of the home")
    assert not any((tmp_path / "outside").iterdir())


def test_verify_finds_damage_and_names_the_way_back(home: Path) -> None:
    told = bulkhead(home, "verify")
    assert told.code == 0 and told.out == "sound: looked at 1 run, 9 containers, 2 blocks, 0 sources\n"
    assert bulkhead(home, "verify", "--json").json["sound"] is True
    before = bulkhead(home, "show", "1", "--json").json
    copy = Path(bulkhead(home, "backup", "--json").json["path"])
    damage(home)
    told = bulkhead(home, "verify")
    assert told.code == 1 and "container 1/5: container 1/5 is damaged" in told.out and "1 damaged" in told.out
    assert f"copy {copy} to {home / 'bulkhead.sqlite'}" in told.out
    report = bulkhead(home, "verify", "--json")
    assert report.code == 1 and report.json["sound"] is False and str(copy) in report.json["advice"]
    assert [(one["what"], one["where"]) for one in report.json["damage"]] == [("container", "1/5")]
    refused(bulkhead(home, "show", "1"), "damaged")
    # as it says
    for suffix in ("", "-wal", "-shm"):
        (home / f"bulkhead.sqlite{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, home / "bulkhead.sqlite")
    assert bulkhead(home, "verify").code == 0 and bulkhead(home, "show", "1", "--json").json == before
    assert bulkhead(home, "run", write(home, SMALL), "--workers", "1").code == 0


def test_verify_without_a_backup_says_so(home: Path, tmp_path: Path) -> None:
    damage(home)
    told = bulkhead(home, "verify")
    assert told.code == 1 and "there is no backup in" in told.out
    (home / "bulkhead.sqlite").write_bytes(b"no database at all, just text " * 100)
    told = bulkhead(home, "verify", "--json")
    assert told.code == 1 and told.json["damage"][0]["what"] == "database" and "not a database" in told.out
    refused(bulkhead(tmp_path / "empty", "verify"), "there is no database")
