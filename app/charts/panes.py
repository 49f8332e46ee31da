"""Panes of a figure, one above the other on one axis of bars: from heights in pixels to shares of the figure."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Pixels between two panes, for the title of the lower one.
GAP = 26


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane. `axis`: its y axis as traces name it ("y", "y2", …); `height`: pixels."""

    axis: str
    title: str
    height: int

    @property
    def layout(self) -> str:
        """Its y axis as layouts name it."""
        return f"yaxis{self.axis[1:]}"


def height(panes: Sequence[Pane]) -> int:
    """Pixels of all panes with the gaps between them."""
    return sum(pane.height for pane in panes) + GAP * (len(panes) - 1)


def domains(panes: Sequence[Pane]) -> dict[str, tuple[float, float]]:
    """Where each pane lies, by its axis: bottom and top as shares of the height. `panes`: from top to bottom."""
    total, top, found = height(panes), height(panes), {}
    for pane in panes:
        found[pane.axis] = ((top - pane.height) / total, top / total)
        top -= pane.height + GAP
    return found
