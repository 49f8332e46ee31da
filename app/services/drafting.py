"""A draft: an experiment that is still being written, as the plain data of its TOML. Every edit gives a new draft.

A place names a spot in it: `("data", "start")`, or `("strategy", 0, "fast")` in the sections that may have several
tables, there also `("risk", 0, "regime_scale", "calm")`. A draft may be wrong in any way that TOML allows; it is never
refused here. `check` says what is wrong with it, and where.
"""

import copy
from pathlib import Path
from typing import Any

from app.services.drafting_text import ORDER as ORDER
from app.services.drafting_text import dumped as dumped
from app.services.home import Home
from engine import config
from engine.config import TABLES
from engine.registry import BUILT_IN, Registry

Draft = dict[str, Any]
Place = tuple[str | int, ...]

EXAMPLES = Path(__file__).parents[2] / "assets" / "experiments"
#: What a new draft begins with.
SAMPLE = "tech-trend"
#: Sections whose tables are alternatives of each other, and the kind a new one has.
ALTERNATIVES = {"classifier": "volatility", "risk": "standard", "portfolio": "portfolio"}
BOOK = "main"


# --- where drafts come from ------------------------------------------------------------------------------------------


def examples() -> list[str]:
    """The names of the examples that are one experiment, no workflow; the sample first."""
    found = {path.stem: config.load(path.read_text()) for path in EXAMPLES.glob("*.toml")}
    names = sorted(name for name, raw in found.items() if config.PHASE not in raw)
    return sorted(names, key=lambda name: name != SAMPLE)


def example_text(name: str) -> str | None:
    """The text of an example, None when there is none of this name."""
    return (EXAMPLES / f"{name}.toml").read_text() if name in examples() else None


def run_text(home: Home, run_id: int) -> str:
    """The config of a stored run, without what an export pinned. Raises StoreError."""
    with home.store() as store:
        run = store.run(run_id)
    draft = config.load(run.config)
    if "expected" not in draft:
        return run.config
    return dumped({key: value for key, value in draft.items() if key != "expected"})


def dataset_text(dataset: str) -> str:
    """The sample's stages on all bars of another dataset."""
    sample = parsed(str(example_text(SAMPLE)))
    return dumped({**sample, "experiment": {"name": dataset}, "data": {"dataset": dataset}})


def parsed(text: str) -> Draft:
    """The draft of a text. Raises ConfigError in one line that names the line of the text."""
    return config.load(text)


# --- reading and changing a value ------------------------------------------------------------------------------------


def tables(draft: Draft, section: str) -> list[dict[str, Any]]:
    """The tables of a section that may have several; those that are none are left out."""
    value = draft.get(section, [])
    found = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [table for table in found if isinstance(table, dict)]


def table(draft: Draft, place: Place) -> dict[str, Any]:
    """The table of a section that a place lies in; empty when there is none."""
    section = str(place[0])
    if section in TABLES:
        found = tables(draft, section)
        index = int(place[1])
        return found[index] if index < len(found) else {}
    value = draft.get(section)
    return value if isinstance(value, dict) else {}


def value(draft: Draft, place: Place, default: Any = None) -> Any:
    """What stands at a place."""
    found: Any = table(draft, place)
    for key in _inside(place):
        if not isinstance(found, dict) or key not in found:
            return default
        found = found[key]
    return found


def put(draft: Draft, place: Place, new: Any) -> Draft:
    """The draft with `new` at a place; None takes away what stands there, and the tables that are empty then."""
    changed = copy.deepcopy(draft)
    keys = _inside(place)
    at: Any = _made(changed, place)
    path = [at]
    for key in keys[:-1]:
        if not isinstance(at.get(key), dict) or "from" in at[key]:
            at[key] = {}
        at = at[key]
        path.append(at)
    if new is not None:
        at[keys[-1]] = new
        return changed
    at.pop(keys[-1], None)
    for parent, key in zip(reversed(path[:-1]), reversed(keys[:-1]), strict=True):
        if not parent[key]:
            del parent[key]
    return _tidied(changed, str(place[0]))


def _inside(place: Place) -> list[str]:
    """The keys of a place within its table."""
    return [str(key) for key in place[2 if place[0] in TABLES else 1 :]]


def _made(draft: Draft, place: Place) -> dict[str, Any]:
    """The table of a place in a draft that may be changed; made when it is not there."""
    section = str(place[0])
    if section not in TABLES:
        if not isinstance(draft.get(section), dict):
            draft[section] = {}
        made: dict[str, Any] = draft[section]
        return made
    found = tables(draft, section)
    if int(place[1]) < len(found):
        return found[int(place[1])]
    new: dict[str, Any] = {}
    draft[section] = [*found, new] if found or section == "strategy" else new
    return new


def _tidied(draft: Draft, section: str) -> Draft:
    """Without the section when nothing is left of it and it need not be there."""
    if section not in ("experiment", "data", "strategy") and draft.get(section) in ({}, [], [{}]):
        del draft[section]
    return draft


# --- strategies and alternatives -------------------------------------------------------------------------------------


def add_strategy(draft: Draft, kind: str, book: str = BOOK) -> Draft:
    """With one more strategy, at its defaults, in a book."""
    new = {"kind": kind} if book == BOOK else {"book": book, "kind": kind}
    return {**copy.deepcopy(draft), "strategy": [*copy.deepcopy(tables(draft, "strategy")), new]}


def change_kind(draft: Draft, place: Place, kind: str) -> Draft:
    """With another kind of stage at a place, at its defaults; its name and book stay."""
    changed = copy.deepcopy(draft)
    at = _made(changed, place)
    kept = {key: at[key] for key in ("book", "name") if key in at}
    at.clear()
    at.update({**kept, "kind": kind})
    if place[0] == "classifier" and kind == "none" and len(tables(changed, "classifier")) == 1:
        del changed["classifier"]
    if place[0] == "risk" and kind == ALTERNATIVES["risk"]:
        del at["kind"]  # a risk rule is the standard one without it
        return _tidied(changed, "risk")
    return changed


def add_alternative(draft: Draft, section: str) -> Draft:
    """With one more table of a section: a copy of the last one, to be changed. All get names, which they need now."""
    found = copy.deepcopy(tables(draft, section)) or [{}]
    if section == "classifier":
        found = [entry if "kind" in entry else {"kind": "none", **entry} for entry in found]
    last = found[-1]
    if section == "classifier" and last.get("kind") == "none":
        last = {"kind": ALTERNATIVES[section]}
    found.append({key: copy.deepcopy(item) for key, item in last.items() if key != "name"})
    taken = [str(entry["name"]) for entry in found if "name" in entry]
    named = []
    for entry in found:
        if "name" not in entry:
            taken.append(_free(f"{section}_", taken))
            entry = {"name": taken[-1], **entry}
        named.append(entry)
    return {**copy.deepcopy(draft), section: named}


def remove_table(draft: Draft, section: str, index: int) -> Draft:
    """Without one of the tables of a section; the last alternative needs no name."""
    found = copy.deepcopy(tables(draft, section))
    del found[index]
    changed = copy.deepcopy(draft)
    if section in ALTERNATIVES and len(found) == 1:
        found[0].pop("name", None)
        if section == "classifier" and found[0].get("kind") == "none":
            found = []
        changed[section] = found[0] if found else {}
    else:
        changed[section] = found
    return _tidied(changed, section)


def _free(stem: str, taken: list[str]) -> str:
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


# --- what a draft says -----------------------------------------------------------------------------------------------


def strategy_names(draft: Draft) -> list[str]:
    """What the strategies are called: as they are named, else by their kind, a second of it with a number."""
    names: list[str] = []
    for entry in tables(draft, "strategy"):
        kind = str(entry.get("kind", "strategy"))
        name, count = str(entry.get("name", kind)), 1
        while "name" not in entry and name in names:
            count += 1
            name = f"{kind}_{count}"
        names.append(name)
    return names


def books(draft: Draft) -> list[str]:
    """The books of the strategies, in their order."""
    return list(dict.fromkeys(str(entry.get("book", BOOK)) for entry in tables(draft, "strategy")))


def regimes(draft: Draft, registry: Registry = BUILT_IN) -> list[str]:
    """The names of the regimes that the classifiers of a draft may give. `registry`: the kinds there are."""
    kinds = [entry.get("kind") for entry in tables(draft, "classifier")]
    known = [registry.classifiers[kind] for kind in kinds if isinstance(kind, str) and kind in registry.classifiers]
    return list(dict.fromkeys(name for model in known for name in model.regimes))
