"""What is written and drawn over the panes of the container's figure: titles, held-out bars, the chosen event."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.charts import panes
from app.charts.panes import Pane
from app.charts.scene import Scene
from app.theme import Palette

Marks = list[dict[str, Any]]


def titles(shown: Sequence[Pane], colors: Palette) -> Marks:
    """The name of each pane above it."""
    places = panes.domains(shown)
    return [_words(pane.title, places[pane.axis][1], "bottom", colors, x=0, xref="paper") for pane in shown]


def held_out(scene: Scene, colors: Palette) -> Marks:
    """The shade over the held-out bars in view, and the line where they begin."""
    if scene.test is None or scene.test >= scene.stop:
        return []
    left = max(scene.test, scene.start) - 0.5
    shade = {"type": "rect", "x0": left, "x1": scene.stop - 0.5, "y0": 0, "y1": 1, "yref": "paper"}
    return [
        {**shade, "fillcolor": colors.held_out, "line": {"width": 0}, "layer": "below"},
        _rule(left, colors.muted, "dash"),
    ]


def held_out_words(scene: Scene, top: float, colors: Palette) -> Marks:
    """What the shade means, below `top`, a share of the height."""
    if scene.test is None or scene.test >= scene.stop:
        return []
    left = max(scene.test, scene.start) - 0.5
    return [_words("held out, covered" if scene.covered else "held out", top, "top", colors, x=left, xshift=4)]


def rule(scene: Scene, colors: Palette) -> Marks:
    """A line at the bar of the chosen event."""
    return [_rule(scene.event, colors.ink, "dot")] if _chosen(scene) else []


def circle(scene: Scene, colors: Palette) -> list[go.Scatter]:
    """A circle around the chosen fill."""
    if not _chosen(scene) or scene.event_price is None:
        return []
    return [
        go.Scatter(
            x=[scene.event],
            y=[scene.event_price],
            mode="markers",
            marker={"symbol": "circle-open", "size": 22, "color": colors.ink, "line": {"width": 2}},
            hoverinfo="skip",
            showlegend=False,
            name="Chosen",
        )
    ]


def _chosen(scene: Scene) -> bool:
    return scene.event is not None and scene.start <= scene.event < scene.stop


def _rule(x: float | None, color: str, dash: str) -> dict[str, Any]:
    line = {"color": color, "width": 1, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _words(text: str, y: float, yanchor: str, colors: Palette, **place: Any) -> dict[str, Any]:
    return {
        "text": text,
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": yanchor,
        "showarrow": False,
        "font": {"color": colors.muted, "size": 12},
        **place,
    }
