"""Bundles: one file that gives the same anywhere, and one made to do harm that does nothing."""

import hashlib
import io
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.services import bundle_reading
from app.services.bundle_log import COLUMNS
from app.services.home import Home
from tests.app.own import FILES, OWN, stage_files
from tests.app.signals import GENERATION, REPLAY, run
from tests.app.small import SMALL, bulkhead, refused, unchanged, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """1: generation; 2: a replay of it; 3: a sweep; 4: own stages."""
    folder = tmp_path_factory.mktemp("bundle")
    for text in (GENERATION, REPLAY, SMALL):
        run(folder, folder, text)
    stage_files(folder, **FILES)
    run(folder, folder, OWN)
    return folder


def bundle(home: Path, name: str, target: Path, *options: str) -> Path:
    told = bulkhead(home, "bundle", name, "-o", str(target), *options)
    assert told.code == 0, told.err
    return target


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("options", [(), ("--with-data",)])
@pytest.mark.parametrize("name", ["1", "1/1", "2", "2/1", "3", "3/5", "4/2"])
def test_a_bundle_gives_the_same_in_an_empty_home(home, tmp_path, name, options):
    path, empty = bundle(home, name, tmp_path / "b.zip", *options), tmp_path / "empty"
    trust = ("--trust",) if name.startswith("4") else ()
    told = bulkhead(empty, "reproduce", str(path), "--json", *trust)
    assert told.code == 0 and told.json["verdict"] == "identical", told.err
    assert {item.name for item in empty.iterdir()} <= {"datasets", "cache"}
    with unchanged(home):
        assert bulkhead(home, "reproduce", str(path), "--json").json["verdict"] == "identical"
    told = bulkhead(empty, "run", str(path), "--workers", "1", "--json", *trust)
    assert told.code == 0
    with Home(home).store() as first, Home(empty).store() as store:
        run_id, _, index = name.partition("/")
        same = first.container(int(run_id), int(index or 0)).digest
        assert store.container(told.json["run"], 0).digest == same
    again = bundle(home, name, tmp_path / "again.zip", *options)
    assert again.read_bytes() == path.read_bytes()


def test_what_is_in_it(home, tmp_path):
    found = parts(bundle(home, "2", tmp_path / "b.zip", "--with-data"))
    kinds = [name.partition("/")[0] for name in found]
    assert kinds == ["manifest.json", "config.toml", "logs", "logs", "data"]
    manifest = json.loads(found["manifest.json"])
    assert manifest["format"] == 1 and manifest["what"] == "run 2"
    for part in manifest["parts"]:
        assert part["sha256"] == hashlib.sha256(found[part["name"]]).hexdigest()
        assert part["bytes"] == len(found[part["name"]])
    assert b"[expected]" in found["config.toml"] and b"[[log]]" not in found["config.toml"]
    own = parts(bundle(home, "4", tmp_path / "b.zip"))
    assert [name for name in own if name.startswith("source/")] == [
        "source/my_breakout.py", "source/my_lib.py", "source/my_mood.py",
    ]  # fmt: skip
    assert b"[source" not in own["config.toml"]


def test_import_lists_and_keeps(home, tmp_path):
    path, empty = bundle(home, "2", tmp_path / "b.zip", "--with-data"), tmp_path / "empty"
    told = bulkhead(empty, "import", str(path), "--json").json
    assert told["name"] == "replay" and told["what"] == "run 2" and told["sources"] == []
    assert [log["new"] for log in told["logs"]] == [True, True]
    again = bulkhead(empty, "import", str(path), "--json").json
    assert [(log["run"], log["new"]) for log in again["logs"]] == [(log["run"], False) for log in told["logs"]]
    with Home(home).store() as first, Home(empty).store() as store:
        for log in told["logs"]:
            row = store.container(log["run"], 0)
            assert row.signals_digest == log["digest"]
            ((run_id, index),) = [place for place in first.signal_places(log["digest"]) if place[0] == 1]
            assert store.reports(log["run"]) == {0: first.reports(run_id, index)[index]}
    # an imported log with regimes is replayed like any other, and goes on by bundle alone
    run(empty, tmp_path, REPLAY.replace('"1/0", "1/1"', f'"{told["logs"][0]["run"]}/0", "{told["logs"][1]["run"]}/0"'))
    refused(bulkhead(empty, "export", "3"), "bulkhead bundle")
    third = bundle(empty, "3", tmp_path / "c.zip")
    assert bulkhead(tmp_path / "third", "reproduce", str(third), "--json").json["verdict"] == "identical"


def test_own_stages_are_allowed_only_with_trust(home, tmp_path):
    path, empty = bundle(home, "4/1", tmp_path / "b.zip"), tmp_path / "empty"
    told = bulkhead(empty, "import", str(path))
    assert told.code == 0 and "not allowed to run here: my_breakout.py" in told.out
    for command in ("reproduce", "run"):
        refused(bulkhead(empty, command, str(path)), "code that this home has not had", "--trust")
    told = bulkhead(empty, "import", str(path), "--trust", "--json").json
    assert [source["allowed"] for source in told["sources"]] == [True, True, True]
    assert bulkhead(empty, "reproduce", str(path), "--json").json["verdict"] == "identical"
    assert not (empty / "stages").exists()


def test_data_of_ones_own_comes_along(tmp_path):
    home, rows = tmp_path / "home", [f"2024-01-{day:02},{10 + day % 7}" for day in range(1, 29)]
    lines = [",".join([date, *[price] * 4, "1"]) for date, price in (row.split(",") for row in rows)]
    prices = tmp_path / "mine.csv"

    def add(place: Path, lines: list[str]) -> str:
        prices.write_text("\n".join(["date,open,high,low,close,volume", *lines]))
        return bulkhead(place, "data", "add", str(prices), "--name", "mine", "--json").json["hash"]

    hash = add(home, lines)
    text = '[experiment]\nname = "m"\npattern = "signal_generation"\n[data]\ndataset = "mine"\n[[strategy]]\n'
    run(home, tmp_path, text + 'kind = "ma_cross"\nfast = 2\nslow = 5\n')
    run(home, tmp_path, '[experiment]\nname = "r"\npattern = "signal_replay"\n[replay]\nsignals = ["1/0"]\n')
    bare, whole = bundle(home, "2", tmp_path / "a.zip"), bundle(home, "2", tmp_path / "b.zip", "--with-data")
    empty = tmp_path / "empty"
    for command in ("import", "reproduce"):
        refused(bulkhead(empty, command, str(bare)), hash[:12])
    assert bulkhead(empty, "reproduce", str(whole), "--json").json["verdict"] == "identical"
    assert not list((empty / "datasets").glob("*.parquet"))
    told = bulkhead(empty, "import", str(whole), "--json").json["dataset"]
    assert told == {"name": "mine", "hash": hash, "new": True, "named": True}
    assert [row["hash"] for row in bulkhead(empty, "data", "list", "--json").json if row["name"] == "mine"] == [hash]
    # a name that means something else here stays what it is
    other = tmp_path / "other"
    mine = add(other, lines[:-1])
    told = bulkhead(other, "import", str(whole), "--json").json["dataset"]
    assert told["new"] and not told["named"]
    assert Home(other).datasets.get("mine").hash == mine and Home(other).datasets.get(hash).hash == hash


def test_what_cannot_be_bundled_or_written(home, tmp_path):
    for name, word in (("9", "no run 9"), ("1/8", "no container"), ("1/benchmark", "benchmark"), ("x", "no run")):
        refused(bulkhead(home, "bundle", name, "-o", str(tmp_path / "b.zip")), word)
    refused(bulkhead(home, "bundle", "1", "-o", str(tmp_path / "no" / "b.zip")), "no folder")
    refused(bulkhead(home, "bundle", "1", "-o", str(tmp_path)), "cannot be written")
    refused(bulkhead(home, "import", str(tmp_path / "none.zip")), "cannot be read")
    assert not list(tmp_path.iterdir())


# --- made to do harm -------------------------------------------------------------------------------------------------

Parts = dict[str, bytes]


def packed(found: Parts, path: Path, manifest: dict[str, Any] | None = None, **entry: Any) -> None:
    """Write parts as a bundle does; the manifest names them all unless it is given."""
    told = json.loads(found["manifest.json"]) if manifest is None else manifest
    if manifest is None:
        told["parts"] = [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in found.items()
            if name != "manifest.json"
        ]
    with zipfile.ZipFile(path, "w", entry.get("compress", zipfile.ZIP_STORED)) as archive:
        for name, content in {**found, "manifest.json": json.dumps(told).encode()}.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = entry.get("compress", zipfile.ZIP_STORED)
            info.external_attr = entry.get("mode", {}).get(name, 0o100644) << 16
            archive.writestr(info, content)


def changed(**replaced: Callable[[bytes], bytes]) -> Callable[[Parts, Path], None]:
    """Parts that begin with a name go through a function; the manifest is made to fit."""

    def make(found: Parts, path: Path) -> None:
        new = {
            name: next((change(content) for key, change in replaced.items() if name.startswith(key)), content)
            for name, content in found.items()
        }
        packed(new, path)

    return make


def told(change: Callable[[dict[str, Any]], None]) -> Callable[[Parts, Path], None]:
    """The manifest is changed, and nothing else."""

    def make(found: Parts, path: Path) -> None:
        manifest = json.loads(found["manifest.json"])
        change(manifest)
        packed(found, path, manifest)

    return make


def added(name: str, content: bytes = b"x", **entry: Any) -> Callable[[Parts, Path], None]:
    return lambda found, path: packed({**found, name: content}, path, **entry)


def raw(change: Callable[[bytes], bytes]) -> Callable[[Parts, Path], None]:
    """The bytes of a sound bundle are changed."""

    def make(found: Parts, path: Path) -> None:
        packed(found, path)
        path.write_bytes(change(path.read_bytes()))

    return make


def doubled(found: Parts, path: Path) -> None:
    packed(found, path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(zipfile.ZipInfo("config.toml"), found["config.toml"])


def linked(found: Parts, path: Path) -> None:
    packed({**found, "source/link.py": b"/etc/passwd"}, path, mode={"source/link.py": 0o120777})


def text(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode())

    return change


def arrow(change: Callable[[pa.Table], pa.Table], **options: Any) -> Callable[[bytes], bytes]:
    def made(content: bytes) -> bytes:
        table = change(pa.ipc.open_stream(content).read_all())
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            for batch in table.to_batches():
                writer.write_batch(batch)
        return sink.getvalue()

    return made


def column(name: str, values: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        array = pa.array(values(table[name].to_numpy().copy()), COLUMNS[name])
        return table.set_column(place, table.schema.field(name), array)

    return change


def parquet(change: Callable[[pa.Table], pa.Table]) -> Callable[[bytes], bytes]:
    def made(content: bytes) -> bytes:
        sink = io.BytesIO()
        pq.write_table(change(pq.read_table(io.BytesIO(content))), sink)
        return sink.getvalue()

    return made


class Pickled(pa.ExtensionType):
    """What older readers unpickled."""

    def __init__(self) -> None:
        super().__init__(pa.float64(), "bulkhead.harm")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n(S'touch PWNED'\ntR."

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> "Pickled":
        return cls()


def extension(table: pa.Table) -> pa.Table:
    place = len(table.column_names) - 1
    values = table.column(place).combine_chunks().cast(pa.float64())
    return table.set_column(place, table.column_names[place], pa.ExtensionArray.from_storage(Pickled(), values))


HARM: dict[str, tuple[Callable[[Parts, Path], None], str]] = {
    "no zip": (raw(lambda data: b"PK\3\4" + b"\0" * 1000), "does not end as a bundle does"),
    "cut short": (raw(lambda data: data[:-100]), "does not end as a bundle does"),
    "cut at the front": (raw(lambda data: b"PK\3\4" + data[400:]), "does not stand where it says"),
    "a comment after it": (raw(lambda data: data[:-2] + b"\5\0hello"), "does not end"),
    "a directory of millions": (raw(lambda data: data[:-14] + b"\xff\xff" + b"\xff\xff" + data[-10:]), "list of parts"),
    "a directory elsewhere": (raw(lambda data: data[:-6] + b"\1\0\0\0" + data[-2:]), "does not stand where it says"),
    "packed parts": (lambda found, path: packed(found, path, compress=zipfile.ZIP_DEFLATED), "is packed"),
    "a bomb": (
        lambda found, path: packed({**found, "source/a.py": b"0" * 50_000_000}, path, compress=zipfile.ZIP_DEFLATED),
        "is packed",
    ),
    "a bomb of bzip2": (
        lambda found, path: packed({**found, "source/a.py": b"0" * 50_000_000}, path, compress=zipfile.ZIP_BZIP2),
        "is packed",
    ),
    "a huge source": (added("source/a.py", b"#" * 3_000_000), "too large"),
    "a huge config": (changed(config=lambda content: content + b"#" * 3_000_000), "too large"),
    "a huge manifest": (told(lambda manifest: manifest.update(what="x" * 20_000_000)), "too large"),
    "a name with ..": (added("source/../../../PWNED"), "no part called"),
    "a name with backslashes": (added("source\\..\\PWNED.py"), "no part called"),
    "an absolute name": (added("/tmp/PWNED"), "no part called"),
    "a folder": (added("source/", b""), "no part called"),
    "a name that is no text": (added("source/\u202e.py"), "no part called"),
    "another name": (added("stages/harm.py"), "no part called"),
    "a source called like a module": (added("source/json.py", b"open('PWNED','w')"), "called like another module"),
    "a source called like ours": (added("source/engine.py", b"open('PWNED','w')"), "called like another module"),
    "a source that is no text": (added("source/mine.py", b"\xff\xfe"), "no text in UTF-8"),
    "a part twice": (doubled, "stands in it twice"),
    "a link": (linked, "is no file but a link"),
    "a wrong hash": (
        told(lambda manifest: manifest["parts"][0].update(sha256="0" * 64)),
        "has another hash than its manifest says",
    ),
    "a wrong size": (told(lambda manifest: manifest["parts"][0].update(bytes=1)), "another size"),
    "a part that is not listed": (told(lambda manifest: manifest["parts"].pop()), "other parts than it holds"),
    "a part listed twice": (told(lambda manifest: manifest["parts"].append(manifest["parts"][0])), "other parts"),
    "a manifest that is no JSON": (
        lambda found, path: packed_manifest(found, path, b"__import__('os').system('touch PWNED')"),
        "its manifest is no JSON",
    ),
    "a manifest that is too deep": (
        lambda found, path: packed_manifest(found, path, b"[" * 200_000 + b"]" * 200_000),
        "its manifest is no JSON",
    ),
    "a manifest with a huge number": (
        lambda found, path: packed_manifest(found, path, b'{"format": ' + b"9" * 10_000 + b"}"),
        "its manifest is no JSON",
    ),
    "code in the manifest": (told(lambda manifest: manifest.update(setup="import os")), "unknown key 'setup'"),
    "another format": (told(lambda manifest: manifest.update(format=2)), "its format is 2"),
    "a dataset called ..": (told(lambda manifest: manifest.update(dataset="../PWNED")), "dataset"),
    "a log of other bars": (
        told(lambda manifest: manifest["logs"][0].update(bars=manifest["logs"][0]["bars"] + 1)),
        "a signal log is of other bars",
    ),
    "a log of unknown symbols": (
        told(lambda manifest: manifest["logs"][0].update(symbols=["AAPL", "../x"])),
        "a signal log is of other bars",
    ),
    "a log that is not there": (told(lambda manifest: manifest["logs"].pop()), "other signal logs"),
    "a log listed twice": (told(lambda manifest: manifest["logs"].append(manifest["logs"][0])), "other signal logs"),
    "a config of other logs": (
        changed(config=lambda content: content.replace(b'signals = ["', b'signals = ["1/0", "')),
        "replays other signal logs",
    ),
    "a config of other data": (
        changed(config=text('dataset_hash = "', 'dataset_hash = "0')),
        "pins another dataset",
    ),
    "a config with code": (
        changed(config=lambda content: content + b'\n[source.a]\nhash = "x"\ntext = "open(\'PWNED\', \'w\')"\n'),
        "which stands beside it",
    ),
    "a config with logs": (
        changed(config=lambda content: content + b'\n[[log]]\ndigest = "x"\nconfig = "x"\n'),
        "which stands beside it",
    ),
    "a config that is none": (changed(config=lambda content: b"import os"), "its config is none"),
    "a config without what came out": (
        changed(config=lambda content: content.partition(b"[expected]")[0]),
        "its config is none",
    ),
    "a log that is a pickle": (changed(logs=lambda content: b"cos\nsystem\n(S'touch PWNED'\ntR."), "is no signal log"),
    "a log that is cut": (changed(logs=lambda content: content[:-600]), "is no signal log"),
    "a packed log": (changed(logs=arrow(lambda table: table, compression="zstd")), "it is packed"),
    "a log of other columns": (changed(logs=arrow(lambda table: table.drop_columns("kind"))), "other columns"),
    "a log with a type of its own": (changed(logs=arrow(extension)), "is no signal log"),
    "a log of fills": (changed(logs=arrow(column("kind", lambda v: v * 0 + 9))), "a row that no signal log has"),
    "a log beyond its symbols": (changed(logs=arrow(column("symbol", lambda v: v + 99))), "a row that no signal log"),
    "a log beyond its bars": (changed(logs=arrow(column("bar", lambda v: v + 2**30))), "a row that no signal log has"),
    "a log backwards": (changed(logs=arrow(column("bar", lambda v: v[::-1]))), "a row that no signal log has"),
    "a log of too much": (changed(logs=arrow(column("value", lambda v: v * 3))), "a row that no signal log has"),
    "a log that was changed": (changed(logs=arrow(column("value", lambda v: v / 2))), "another digest"),
    "data that are a pickle": (changed(data=lambda content: b"cos\nsystem\n(S'touch PWNED'\ntR."), "its dataset"),
    "data that are cut": (changed(data=lambda content: content[: len(content) // 2]), "its dataset"),
    "data that were changed": (
        changed(data=parquet(lambda table: table.set_column(5, "close", pa.array(table["close"].to_numpy() * 2)))),
        "its dataset is damaged or another",
    ),
    "data of another type": (
        changed(data=parquet(lambda table: table.set_column(6, "volume", table["volume"].cast(pa.string())))),
        "its dataset is damaged or another",
    ),
    "data that say they are others": (
        changed(data=parquet(lambda table: table.replace_schema_metadata({b"bulkhead": b"{}"}))),
        "its dataset",
    ),
}  # fmt: skip


def packed_manifest(found: Parts, path: Path, manifest: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**found, "manifest.json": manifest}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)


#: Takes in every file of a folder, watched: what it writes, starts, unpickles or runs is told as JSON.
WATCHED = """
import io, json, os, sys, tempfile, threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

folder, home = Path(sys.argv[1]), sys.argv[2]
from app.cli.main import outcome

def call(*words):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = outcome([*words, "--home", home])
    return code, out.getvalue(), err.getvalue()

assert call("import", str(folder / "sound.zip"))[0] == 0
seen, watching = [], False
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pickle.find_class",
          "ctypes.dlopen", "socket.connect", "os.symlink", "os.link", "os.chmod", "os.kill")

def hook(event, arguments):
    if not watching:
        return
    if event in STARTS:
        seen.append([event, str(arguments)[:200]])
    elif event == "open" and isinstance(arguments[0], (str, bytes)):
        path, mode, flags = arguments
        if (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (mode and set(str(mode)) & set("wax+")):
            seen.append([event, os.fsdecode(path)])
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.rename"):
        place = arguments[-1] if event != "os.rename" else arguments[2]
        base = os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) and place >= 0 else os.getcwd()
        seen.append([event, os.path.join(base, os.fsdecode(arguments[0]))])
    elif event == "exec" and "PWNED" in str(getattr(arguments[0], "co_consts", "")):
        seen.append([event, arguments[0].co_filename])

sys.addaudithook(hook)
answers = {}
for path in sorted(folder.glob("harm-*.zip")):
    for words in (("import", str(path), "--trust"), ("reproduce", str(path), "--trust")):
        seen, watching = [], True
        code, out, err = call(*words)
        watching = False
        answers[f"{path.stem} {words[0]}"] = [code, out, err, seen]
print(json.dumps(answers))
"""


def test_a_bundle_made_to_do_harm_does_nothing(home, tmp_path):
    sound = bundle(home, "2", tmp_path / "sound.zip", "--with-data")
    found, names = parts(sound), list(HARM)
    assert len(names) >= 30
    for number, name in enumerate(names):
        HARM[name][0](found, tmp_path / f"harm-{number:02}.zip")
    place, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WATCHED), str(tmp_path), str(place)],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for number, name in enumerate(names):
        for command in ("import", "reproduce"):
            code, out, err, seen = answers[f"harm-{number:02} {command}"]
            assert code == 2 and out == "", (name, command, code, out, err)
            assert err.startswith("error: ") and err.count("\n") == 1 and len(err) < 700, (name, err)
            assert HARM[name][1] in err, (name, err)
            for event, what in seen:  # its own lock, and a folder of its own for what is looked at
                inside = what.startswith((str(temporary), str(place)))
                assert event in ("open", "os.mkdir", "os.remove", "os.rmdir") and inside, (name, event, what)
    assert not list(work.iterdir()) and not list(temporary.iterdir())
    assert not list(tmp_path.rglob("PWNED*"))
    with Home(place).store() as store:
        assert [one.id for one in store.runs()] == [1, 2]  # of the sound one


def test_hostile_code_is_not_run_by_import(home, tmp_path):
    """A sound bundle may bring any code; it is kept apart until it is trusted, and import never runs it."""
    found = parts(bundle(home, "4/1", tmp_path / "sound.zip"))
    found["source/my_mood.py"] += f"\nopen({str(tmp_path / 'PWNED')!r}, 'w')\n".encode()
    packed(found, tmp_path / "harm.zip")
    empty = tmp_path / "empty"
    for options in ((), ("--trust",)):
        assert bulkhead(empty, "import", str(tmp_path / "harm.zip"), *options).code == 0
        assert not (tmp_path / "PWNED").exists()


def test_a_log_cannot_claim_more_rows_than_it_has(home, tmp_path):
    """The number of rows stands in the metadata of a batch: it is compared with its bytes before any are set aside."""
    found = parts(bundle(home, "2", tmp_path / "sound.zip"))
    name = next(name for name in found if name.startswith("logs/"))
    table = pa.ipc.open_stream(found[name]).read_all()
    count = np.int64(table.num_rows).tobytes()
    assert count in found[name]
    found[name] = found[name].replace(count, np.int64(2**40).tobytes())
    packed(found, tmp_path / "harm.zip")
    refused(bulkhead(tmp_path / "empty", "import", str(tmp_path / "harm.zip")), "is no signal log")


def test_a_bundle_is_told_from_a_config_by_its_first_bytes(home, tmp_path):
    path = bundle(home, "1/0", tmp_path / "named.toml")
    assert bulkhead(tmp_path / "empty", "reproduce", str(path), "--json").json["verdict"] == "identical"
    refused(bulkhead(tmp_path, "import", write(tmp_path, GENERATION)), "the bundle cannot be used")
    assert bundle_reading.read(path).name == "gen-0"
