"""One palette for the workbench: the same colour for the same thing on every page, light and dark.

The colours are those of Okabe and Ito, which colour-blind people can tell apart; buying and selling differ in shape
too. `.streamlit/config.toml` has the same ground, ink and accent for Streamlit's own widgets.
"""

from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

Mode = Literal["light", "dark"]

#: System fonts: nothing is fetched from anywhere.
FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they mean. `regimes`: by the order in which the classifier names them."""

    mode: Mode
    ground: str
    panel: str
    ink: str
    muted: str
    line: str
    accent: str
    price: str
    buy: str
    sell: str
    equity: str
    benchmark: str
    drawdown: str
    held_out: str
    regimes: tuple[str, ...]
    #: Containers side by side, in order; drawn with `DASHES`, which tell them apart without colour.
    series: tuple[str, ...]

    def regime(self, code: int) -> str:
        """The colour of a regime; before the first label (−1) the ground's."""
        return self.ground if code < 0 else self.regimes[code % len(self.regimes)]


#: Plotly's names of line patterns, one for each of `Palette.series`.
DASHES = ("solid", "solid", "solid", "solid", "dash", "dash", "dot", "dot")

_REGIMES = ("#9CC9E8", "#E69F00", "#F0E442", "#7C6BB0", "#7FC8A9", "#8A6A4F")

LIGHT = Palette(
    mode="light",
    ground="#FFFFFF",
    panel="#F3F5F7",
    ink="#101820",
    muted="#5B6670",
    line="#D3DAE0",
    accent="#0072B2",
    price="#3A4754",
    buy="#00795A",
    sell="#C04A00",
    equity="#0072B2",
    benchmark="#7D8791",
    drawdown="#9C4A78",
    held_out="rgba(86, 100, 114, 0.10)",
    regimes=_REGIMES,
    series=("#0072B2", "#C04A00", "#00875F", "#A8477F", "#2A94D4", "#A87000", "#101820", "#6A57C2"),
)
DARK = Palette(
    mode="dark",
    ground="#101418",
    panel="#1B2229",
    ink="#E4E9ED",
    muted="#9DA8B2",
    line="#3A444D",
    accent="#7CC4EE",
    price="#C9D3DC",
    buy="#3CC79D",
    sell="#F08A4B",
    equity="#56B4E9",
    benchmark="#8592A0",
    drawdown="#DB9ABF",
    held_out="rgba(154, 168, 181, 0.13)",
    regimes=_REGIMES,
    series=("#56B4E9", "#F08A4B", "#3CC79D", "#DB9ABF", "#1A8AD0", "#E6B422", "#F4F6F8", "#A594F0"),
)


def palette(mode: str | None) -> Palette:
    """The palette of a theme, `light` when it is not known."""
    return DARK if mode == "dark" else LIGHT


def template(colors: Palette) -> go.layout.Template:
    """The Plotly template of a palette."""
    axis = {
        "gridcolor": colors.line,
        "linecolor": colors.line,
        "zerolinecolor": colors.line,
        "tickfont": {"color": colors.muted, "size": 12},
        "title": {"font": {"color": colors.muted, "size": 12}},
        "zeroline": False,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": colors.ground,
            "plot_bgcolor": colors.ground,
            "font": {"family": FONT, "color": colors.ink, "size": 13},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"font": {"color": colors.ink, "size": 12}, "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {
                "bgcolor": colors.panel,
                "bordercolor": colors.line,
                "font": {"family": FONT, "color": colors.ink, "size": 12},
            },
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        }
    )
