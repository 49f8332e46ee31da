"""Stage files as text: what is read, what a file needs, what its hash covers."""

from pathlib import Path

import pytest

from engine.own.source import MAX_CHARACTERS, Source, all_needed, needed, read_folder, source_hash
from tests.engine.own import sources


def test_a_folder_is_read_by_name_and_a_bad_file_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_bytes(b"\xef\xbb\xbfx = '\xc3\xa4'\r\ny = 1\r\n")
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'")
    (tmp_path / "long.py").write_text("#" * (MAX_CHARACTERS + 1))
    (tmp_path / "my-stage.py").write_text("")
    (tmp_path / "json.py").write_text("")
    (tmp_path / "numpy.py").write_text("")
    (tmp_path / "engine.py").write_text("")
    (tmp_path / "nul.py").write_text("x = '\0'")
    (tmp_path / ".hidden.py").write_text("")
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    found = {source.name: source for source in read_folder(tmp_path)}
    assert list(found) == ["bytes", "engine", "good", "json", "long", "my-stage", "nul", "numpy"]
    assert found["good"] == Source("good", "x = 'ä'\ny = 1\n")
    words = {
        "bytes": "not UTF-8",
        "long": "longer than",
        "my-stage": "letters, digits and _",
        "nul": "NUL",
        **dict.fromkeys(("json", "numpy", "engine"), "another module called"),
    }
    for name, word in words.items():
        assert word in found[name].problem and f"stages/{name}.py" in found[name].problem
        assert found[name].text == ""


def test_no_folder_is_no_stages(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "none") == ()


FILES = sources(
    a="import os\nimport b\n",
    b="def f():\n    from c import x\n",
    c="import a\nx = 1\n",  # a circle
    d="import numpy as np\n",
    broken="import c\nx = (",
)


def test_what_a_file_needs_is_followed_through_imports() -> None:
    assert [source.name for source in needed(FILES, "a")] == ["a", "b", "c"]
    assert [source.name for source in needed(FILES, "d")] == ["d"]
    assert [source.name for source in needed(FILES, "broken")] == ["broken"]
    assert [source.name for source in all_needed(FILES, ["d", "b"])] == ["a", "b", "c", "d"]
    assert needed(FILES, "nowhere") == ()


@pytest.mark.parametrize(
    ("change", "moves"), [({"c": "import a\nx = 2\n"}, True), ({"d": "x = 1"}, False), ({"a": "import b\n"}, True)]
)
def test_the_hash_of_a_stage_covers_what_it_imports(change: dict[str, str], moves: bool) -> None:
    before = {source.name: source.text for source in FILES}
    after = sources(**{**before, **change})
    assert (source_hash(FILES, "a") != source_hash(after, "a")) == moves


def test_a_renamed_file_keeps_its_hash() -> None:
    assert source_hash(sources(one="import lib", lib=""), "one") == source_hash(
        sources(two="import lib", lib=""), "two"
    )
