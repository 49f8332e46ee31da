"""No name leads out of the home: 200 tricks at every door that takes a name, and what the resolver itself says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.datasets import Wanted
from app.services import adding, checking, drafting, drafting_stage, paths, reproductions
from app.services.adding import Upload
from app.services.home import Home
from engine.errors import BulkheadError, DataError, InputError, StoreError
from tests.app.small import SMALL, Told, bulkhead, write
from tests.app.tricks import tricks

BARS = "Date,Open,High,Low,Close,Volume\n" + "".join(f"2024-01-{day:02},10,12,9,11,100\n" for day in range(2, 9))
TRICKS = tricks()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, a folder outside of it that links of the home lead to, and a file of bars."""
    folder = tmp_path_factory.mktemp("place")
    home = Home(folder / "home")
    assert bulkhead(home.path, "data", "list").code == 0 and bulkhead(home.path, "runs").code == 0
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.csv").write_text("kept")
    (home.path / "link").symlink_to(folder / "outside")
    for name in ("stages", "datasets", "reproductions", "experiments"):
        (home.path / name).mkdir(exist_ok=True)
        (home.path / name / "link").symlink_to(folder / "outside")
    write(folder, BARS, "bars.csv")
    return folder


def tree(folder: Path) -> dict[str, object]:
    """All that lies beside the home, with its content; where links lead is not followed."""
    found: dict[str, object] = {}
    for at, folders, files in os.walk(folder):
        if Path(at) == folder:
            folders.remove("home")
        for name in (*folders, *files):
            path = Path(at) / name
            found[str(path)] = os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()
    return found


def named(told: Told) -> str:
    """What a command that took a strange name said: nothing was written, or one line says why."""
    if told.code == 2:
        assert told.out == "" and told.err.startswith("error: ") and told.err.count("\n") == 1, told.err
        assert len(told.err) < 3000 and told.err.rstrip("\n").isprintable(), told.err
    else:
        assert told.code in (0, 1), told
    return told.err


Entry = Callable[[Path, str], object]


def _config(name: str, place: str) -> str:
    quoted = '"' + "".join(f"\\U{ord(c):08x}" if not 0xD800 <= ord(c) < 0xE000 else "?" for c in name) + '"'
    return SMALL.replace(place, f"{place.partition(' = ')[0]} = {quoted}")


def _run(place: str) -> Entry:
    def run(folder: Path, name: str) -> object:
        config = _config(name, place)
        if place.startswith("name"):  # any text is a name for an experiment: nothing need run
            config = config.replace("us-tech", "no-such-data")
        (folder / "config.toml").write_text(config)
        return named(bulkhead(folder / "home", "run", str(folder / "config.toml"), "--workers", "1"))

    return run


def _upload(folder: Path, name: str) -> object:
    home, upload = Home(folder / "home"), Upload(name, BARS.encode())
    adding.columns(home, upload)
    drafted = adding.draft(home, upload, Wanted(upload.suggestion or "gold"))
    assert not any((home.path / "tmp").iterdir())
    return drafted


ENTRIES: dict[str, Entry] = {
    "data add --name": lambda folder, name: named(
        bulkhead(folder / "home", "data", "add", str(folder / "bars.csv"), f"--name={name}")
    ),
    "data add --symbol": lambda folder, name: named(
        bulkhead(folder / "home", "data", "add", str(folder / "bars.csv"), "--name=gold", f"--symbol={name}")
    ),
    "data check": lambda folder, name: named(bulkhead(folder / "home", "data", "check", "--", name)),
    "data diff": lambda folder, name: named(bulkhead(folder / "home", "data", "diff", "--", "us-tech", name)),
    "new": lambda folder, name: named(bulkhead(folder / "home", "new", "--", "strategy", name)),
    "new (family)": lambda folder, name: named(bulkhead(folder / "home", "new", "--", name, "mine")),
    "check": lambda folder, name: named(bulkhead(folder / "home", "check", "--", name)),
    "check --data": lambda folder, name: checking.market_of(Home(folder / "home"), name),
    "show": lambda folder, name: named(bulkhead(folder / "home", "show", "--", name)),
    "container": lambda folder, name: named(bulkhead(folder / "home", "container", "--", name)),
    "export": lambda folder, name: named(bulkhead(folder / "home", "export", "--", name)),
    "[data] dataset": _run('dataset = "us-tech"'),
    "[experiment] name": _run('name = "small"'),
    "[[strategy]] kind": _run('kind = "random_entry"'),
    "an upload's name": _upload,
    "a dataset's name from a form": lambda folder, name: adding.add(
        Home(folder / "home"), Upload("x.csv", BARS.encode()), Wanted(name)
    ),
    "a dataset in an address": lambda folder, name: Home(folder / "home").datasets.get(name),
    "a reproduction in an address": lambda folder, name: reproductions.look(Home(folder / "home"), name),
    "an example in an address": lambda folder, name: drafting.example_text(name),
    "a stage in an address": lambda folder, name: checking.verdict(Home(folder / "home"), name, "0" * 64),
    "a stage's hash": lambda folder, name: checking.verdict(Home(folder / "home"), "mine", name),
    "begin": lambda folder, name: drafting_stage.begin(Home(folder / "home"), "classifier", name),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_name_leads_out(place: Path, entry: str) -> None:
    before = tree(place)
    for name in TRICKS:
        try:
            ENTRIES[entry](place, name)
        except BulkheadError as error:
            assert str(error).isprintable() and len(str(error)) < 3000, name
        (place / "config.toml").unlink(missing_ok=True)
        assert tree(place) == before, name
    home = place / "home"
    for path in home.rglob("*"):
        assert path.is_symlink() or path.resolve().is_relative_to(home.resolve()), path


def test_a_name_of_the_resolver_stays_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(tmp_path / "outside")
    (home / "round").symlink_to("round")
    (home / "gone").symlink_to(tmp_path / "gone")
    (home / "datasets").mkdir()
    (home / "within").symlink_to("datasets")
    refused = 0
    for name in (*TRICKS, "round", "gone"):
        for names in ((name,), ("datasets", name), (name, "x")):
            try:
                path = paths.inside(home, *names)
            except InputError as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1500
                continue
            assert path == home.joinpath(*names) and Path(os.path.realpath(path)).is_relative_to(home)
            assert path.parent in (home, home / "datasets", home / name)
    assert refused > 300
    assert paths.inside(home, "within", "x") == home / "within" / "x"  # a link that stays inside is the user's own


@pytest.mark.parametrize(
    "name", ["my-prices.parquet", "Ünïcode", "a.b.c", "x_y-z", "日経", "0", "console", "com", "x+y"]
)
def test_common_names_are_taken(tmp_path: Path, name: str) -> None:
    assert paths.inside(tmp_path, "datasets", name) == tmp_path / "datasets" / name


@pytest.mark.parametrize("where", ["stages", "experiments"])
def test_a_stage_is_not_begun_through_a_link_out_of_the_home(tmp_path: Path, where: str) -> None:
    home, outside = Home(tmp_path / "home"), tmp_path / "outside"
    outside.mkdir()
    (home.path / where).symlink_to(outside)
    with pytest.raises(InputError, match="a link that leads out of the home"):
        drafting_stage.begin(home, "strategy", "mine")
    assert not any(outside.iterdir())


def test_datasets_are_not_stored_through_a_link_out_of_the_home(tmp_path: Path) -> None:
    home, outside = Home(tmp_path / "home"), tmp_path / "outside"
    outside.mkdir()
    (home.path / "datasets").symlink_to(outside)
    with pytest.raises(DataError, match="a link that leads out of the home"):
        home.datasets.add(write(tmp_path, BARS, "bars.csv"), "gold")
    assert not any(outside.iterdir())


@pytest.mark.parametrize("named", ["a\0b", "~nobody-here/x", "x" * 5000, "loop/x", "file/x"])
def test_a_home_that_cannot_be_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises((InputError, StoreError)) as caught:
        Home(Path(named))
    assert str(caught.value).isprintable() and "--home" in str(caught.value)
