"""The own stages that an experiment may name, as the runner and the web server know them: described, never imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine import config
from engine.own.source import Source, all_needed
from engine.own.standin import stand_in
from engine.registry import BUILT_IN, Registry


@dataclass(frozen=True)
class OwnStages:
    """Sources, and the stages in them as `catalogue.describe` tells of them (plain JSON).

    problems: a line for each file that cannot be used, by its name. cache: where what is derived may be kept.
    """

    sources: tuple[Source, ...] = ()
    described: tuple[Mapping[str, Any], ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None

    @property
    def registry(self) -> Registry:
        """Built-in stages, and a stand-in for each own one: it has its parameters and no code."""
        return BUILT_IN.with_stages(map(stand_in, self.described)) if self.described else BUILT_IN

    @property
    def hashes(self) -> dict[str, str]:
        """Kind → the hash of its file and of what that imports."""
        return {stage["kind"]: stage["hash"] for stage in self.described}

    def of(self, raw: Mapping[str, Any]) -> "OwnStages":
        """Only what the experiment `raw` names, with the sources that needs."""
        kinds = named(raw)
        described = tuple(stage for stage in self.described if stage["kind"] in kinds)
        sources = all_needed(self.sources, [stage["module"] for stage in described])
        return replace(self, sources=sources, described=described)


def named(raw: Mapping[str, Any]) -> list[str]:
    """The kinds that an experiment names and Bulkhead does not have, in its order. Raises ConfigError."""
    found: dict[str, None] = {}
    for section in ("strategy", "classifier", "risk"):
        built_in = BUILT_IN.named(section)
        for table in config.tables(raw, section):
            for kind in (table.get("kind"), table.get("base")):
                if isinstance(kind, str) and kind not in built_in and kind != "none":
                    found[kind] = None
    return list(found)
