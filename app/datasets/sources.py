"""Where the datasets that come with Bulkhead are from, and on what terms. Of a user's own nothing is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """`caution`: what must be known before results on it are believed. In full: assets/data/README.md."""

    source: str
    licence: str
    caution: str


#: By the hash of the bars: a name can get other content.
SOURCES = {
    "ae307aba6889cdbc07992a7415875ebc30831d00f8f7e793c04bf98315e658e3": Source(
        "bokeh_sampledata 2026.1 (Quandl WIKI Prices)",
        "public domain, as declared by Quandl",
        "Four winners, known to have survived: results on them flatter. Prices hold splits and dividends, so they are "
        "not what was paid on the day.",
    ),
    "c82284c3f7f87c7e76899c760ee3e20370bbf9ca3ff910d3d4bc71f05a8edd39": Source(
        "arch 8.0.0 (arch.data.sp500): S&P 500 index",
        "NCSA licence of the package, which names no other for the series",
        "A price index without dividends, which nobody can trade itself; until 2005 the open is the previous close.",
    ),
}
