"""The logs of a stored replay, pinned by digest: what an export names, and where the logs lie that it brings along."""

from typing import Any

import tomli_w

from app.services import replays
from app.services.home import Home
from db.store import Run
from engine import config
from engine.config import LogSection, ReplaySection
from engine.errors import StoreError

#: Run and index of a log, or what the replay's own config brought along of it.
Found = tuple[int, int] | LogSection


def digests_of(run: Run) -> dict[str, str]:
    """What a replay's config calls its logs → their digests; empty for a run that is no replay."""
    told, raw = run.plan.get("told"), config.load(run.config)
    if told is None or "replay" not in raw:
        return {}
    section = config.section(ReplaySection, raw, "replay")
    found = {name: log["digest"] for name, log in zip(section.signals, told["logs"], strict=True)}
    if section.regimes is not None:
        found[section.regimes] = told["regimes_of"]
    return found


def found_logs(home: Home, run: Run) -> dict[str, Found]:
    """Where the logs of a replay are, by digest. StoreError for one that is gone."""
    names = digests_of(run)
    brought = {log.digest: log for log in config.logs(config.load(run.config))} if names else {}
    return {digest: brought.get(digest) or _place(home, run, name, digest) for name, digest in names.items()}


def _place(home: Home, run: Run, name: str, digest: str) -> tuple[int, int]:
    """Where the log is that a run replayed: what its config named, else one of the same content on the same bars."""
    told = run.plan["told"]
    with home.store() as store:
        try:
            named = [replays.place(home, name)] if "/" in name else []
        except StoreError:
            named = []
        for run_id, index in [*named, *store.signal_places(digest)]:
            made = replays.made_on(store.run(run_id))
            same = made[:2] == (run.dataset_hash, tuple(told["symbols"]))
            if same and store.container(run_id, index).signals_digest == digest:
                return run_id, index
    raise StoreError(f"run {run.id} replayed signals {digest[:12]}, which are no longer in this home; make them again")


def pinned_section(run: Run) -> dict[str, Any]:
    """[replay] with digests in place of what only means something in this home."""
    names, section = digests_of(run), config.section(ReplaySection, config.load(run.config), "replay")
    found: dict[str, Any] = {"signals": [names[name] for name in section.signals]}
    if section.regimes is not None:
        found["regimes"] = names[section.regimes]
    return found


def pinned_text(text: str, run: Run) -> str:
    """A replay's config with its logs by digest, with its comments where they can be kept."""
    wanted = config.load(text) | {"replay": pinned_section(run)}
    changed = text
    for name, digest in digests_of(run).items():
        for quote in "\"'":
            changed = changed.replace(f"{quote}{name}{quote}", f"{quote}{digest}{quote}")
    return changed if config.load(changed) == wanted else tomli_w.dumps(wanted)
