"""Own stages for tests of the engine: from a folder of the tests, or from texts."""

from pathlib import Path

from engine.own.catalogue import known
from engine.own.source import Source, read_folder
from engine.own.stages import OwnStages

#: The folder of the strategy that misbehaves on demand.
STAGES = Path(__file__).parents[1] / "stages"
POISON = known(read_folder(STAGES))


def sources(**texts: str) -> tuple[Source, ...]:
    """Files by name, as they would be read from a folder."""
    return tuple(Source(name, texts[name]) for name in sorted(texts))


def own_of(cache: Path | None = None, **texts: str) -> OwnStages:
    """The own stages in some texts, by file name."""
    return known(sources(**texts), cache)
