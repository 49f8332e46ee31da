"""No file that leaves holds a formula, and no name is more than its letters, wherever it is shown."""

import io
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from app.cli.container import _write
from app.components import html, tables
from app.services import cells
from app.services.cells import cell, safe
from db.rows import Failure

FORMULAS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "=",
    "-",
)
TEXTS = ("AAPL", "a=b", "x-y", "1-2", "'=1", " =1", "", "日経", "-1", "+2.5", "-1e-3", "-.5")
HOSTILE = (
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", '"><svg onload=alert(1)>', "' onmouseover='x",
    "&lt;b&gt;",
    "</style><script>", "</p><h1>x", "<!--", "]]>", "\u202egnp.exe", "a\0b", "\x1b[31m", "javascript:alert(1)",
)  # fmt: skip
MARKDOWN = (
    "**b**", "_i_", "`c`", "[l](http://e.example)", "![x](http://e.example/x.png)", ":red[r]", ":material/home:",
    "$x^2$",
    "# h", "~~s~~", "<b>x</b>", "a\n\n# b", "|a|b|", "http://e.example", "\\*x\\*", "<http://e.example>",
)  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_computed_is_quoted(text: str) -> None:
    assert cell(text) == f"'{text}" and cell(cell(text)) == cell(text)


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_stay(text: str) -> None:
    assert cell(text) == text


def test_a_frame_is_safe_whatever_its_texts_are_kept_as() -> None:
    words = [*FORMULAS, *TEXTS, None]
    frame = pd.DataFrame({"object": pd.Series(words, dtype="object"), "str": pd.Series(words, dtype="str")})
    frame["category"], frame["=head"], frame["number"] = frame["str"].astype("category"), -1.5, range(len(frame))
    before = frame.copy()
    made = safe(frame)
    assert list(made.columns) == ["object", "str", "category", "'=head", "number"]
    for name in ("object", "str", "category"):
        for word, there in zip(words, made[name], strict=True):
            assert pd.isna(there) if word is None else there == cell(word)
    assert made["number"].equals(frame["number"]) and (made["'=head"] == -1.5).all()
    assert frame.equals(before), "what was given is not changed"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_of_the_command_line_is_safe(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"symbol": ["=A1", "IBM"], "price": [-1.5, 2.0]})
    _write(frame, tmp_path / f"x{suffix}")
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    symbols = ["'=A1", "IBM"] if suffix == ".csv" else ["=A1", "IBM"]
    found = read(tmp_path / f"x{suffix}")
    assert found["symbol"].tolist() == symbols and found["price"].tolist() == [-1.5, 2.0]


def formulas(frame: pd.DataFrame) -> list[object]:
    """What a spreadsheet would compute of the CSV of a frame."""
    file = io.StringIO(frame.to_csv(index=False))
    rows = pd.read_csv(file, header=None, dtype=str, keep_default_na=False).to_numpy().ravel().tolist()
    return [one for one in rows if one != cells.cell(one)]


def test_tables_that_streamlit_lets_be_saved_are_safe() -> None:
    found = [Failure("failed", text, 1, 0, text) for text in FORMULAS]
    frame, _ = tables.failures(found)
    assert formulas(frame) == [] and len(frame) == len(FORMULAS)


class Tags(HTMLParser):
    """The tags and attributes of a piece of HTML, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


PIECES = {
    "stats": lambda text: html.stats([(text, text, text)]),
    "facts": lambda text: html.facts([(text, text)]),
    "chips": lambda text: html.chips([(text, text)]),
    "heading": lambda text: html.heading(text, text),
    "notice": lambda text: html.notice(text, text),
    "difference": lambda text: html.difference(text, [text, f"+{text}"]),
    "paragraph": html.paragraph,
    "table": lambda text: html.table([text, text], [[text, text]], swatches=[text]),
    "card": lambda text: html.card(text, [(text, text, text)]),
}


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_name_is_shown_and_nothing_else(piece: str) -> None:
    plain = Tags(PIECES[piece]("name"))
    for name in HOSTILE:
        found = Tags(PIECES[piece](name))
        assert found.tags == plain.tags and found.attributes == plain.attributes, name
        assert html.clean(name) in found.text


@pytest.mark.parametrize("text", MARKDOWN)
def test_a_label_is_no_markdown(text: str) -> None:
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("commonmark").enable(["strikethrough", "table"]).render(html.label(text))
    assert Tags(rendered).tags == ["p"]
    assert Tags(rendered).text.strip() == " ".join(text.split())
    for mark in ("$", ":"):  # LaTeX, and Streamlit's own directives
        assert html.label(text).count(mark) == html.label(text).count(f"\\{mark}")


def test_common_labels_stay_as_they_are() -> None:
    for text in ("next open", "same close (optimistic)", "10 %", "a-b", "1.5", "yes!", "S&P 500", "a/b", "x = 1", "+1"):
        assert html.label(text) == text
