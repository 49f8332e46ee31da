"""What a user's code can change in its process, and a child of several containers has to have again as it was.

`State` is taken once, when the user's modules are loaded. `State.guard` calls user's code and puts everything back:
variables and attributes, random generators, NumPy's and Python's modes, the environment. What cannot be put back (a
thread that runs on, a process, an object nobody can look into) is told in `left`; the container and those after it then
want a child each. What a stage writes to disk, or changes inside a library's objects, is not seen.
"""

import contextvars
import copy
import ctypes
import decimal
import functools
import gc
import importlib
import inspect
import locale
import logging
import os
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import pydantic

from engine.market.market import Market
from engine.parallel import process
from engine.parallel.making import runs_code
from engine.parallel.versions import Versions
from engine.parallel.watched import Watcher, same
from engine.parallel.watches import TooMuchError
from engine.stage import Regimes, Stage
from engine.strategies.bar import Bar

T = TypeVar("T")
#: Libraries whose functions a stage might put others in place of: their modules are watched, variable by variable.
_LIBRARIES = ("numpy", "bulkhead", "engine")
_MODULES = (
    *("builtins", "math", "cmath", "random", "statistics", "os", "posix", "time", "datetime", "itertools", "functools"),
    *("operator", "collections", "json", "decimal", "fractions", "warnings", "locale", "signal", "_signal", "re", "gc"),
    *("pandas", "pandas.api.types", "talib", "talib.abstract", "scipy", "scipy.stats", "scipy.signal", "numba"),
    *("pydantic", "logging", "threading", "contextlib", "copy", "bisect", "heapq", "hashlib", "string", "types"),
)
_CLASSES = (Market, Regimes, Bar, pydantic.BaseModel, np.random.mtrand.RandomState)
_CLASSES_OF_PANDAS = ("DataFrame", "Series", "Index", "Timestamp")
#: Variables that libraries themselves set as they are used.
_OF_LIBRARIES = ("__warningregistry__", "_name_sequence", "last_type", "last_value", "last_traceback")
_MT19937 = 624 * 4 + 4


class State:
    """The state of this process. `modules`: the names of the user's modules, already imported."""

    def __init__(self, modules: Sequence[str], seed: int) -> None:
        #: Why this process is not as it was; "" as long as it is.
        self.left = ""
        #: Modules of libraries that were imported since.
        self.imported: list[str] = []
        # the global generators begin everywhere alike, whatever this process was forked from
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        self._user = Watcher(modules)
        self._stages = Watcher(modules)
        self._met: dict[int, Stage] = {}
        self._making: dict[type[Stage], bool] = {}
        #: Whether a user's code may have run since all was put back.
        self._touched = True
        try:
            for name in modules:
                self._user.module(sys.modules[name])
        except TooMuchError as error:
            self.left = str(error)
        self._compiled = _signatures(self._user)
        self._modules = dict(sys.modules)
        self._known = [(name, vars(module), dict(vars(module))) for name, module in _watched_modules()]
        self._classes = [(cls, _dict_of(cls), dict(vars(cls))) for cls in _watched_classes()]
        self._modules_version = Versions([sys.modules])
        self._known_versions = Versions([held for _, held, _ in self._known])
        self._class_versions = Versions([held for _, held, _ in self._classes])
        self._lists: list[tuple[Any, list[Any]]] = [
            (held, list(held))
            for held in (sys.path, sys.meta_path, sys.path_hooks, sys.argv, gc.callbacks, logging.root.handlers)
        ]
        self._filters = list(warnings.filters)
        self._variables = os.environ
        self._environ = dict(os.environ._data)  # type: ignore[attr-defined]  # compared as bytes, a tenth of the time
        self._options = _pandas_options()
        self._settings = [(read, put, read()) for read, put in (*_SETTINGS, *_of_talib(modules))]
        self._process = process.Process()
        self._decimal = decimal.getcontext().copy()
        self._random = random.getstate()
        self._generator = _numpy_generator()
        self._drawn = np.random.mtrand._rand.get_state(legacy=False)
        self._floats = _floats()

    def guard(self, work: Callable[[], T]) -> T:
        """`work()` in a context of its own (NumPy's error state and print options, decimals); then all is put back."""
        try:
            return self.apart(work)
        finally:
            self.restore()

    def apart(self, work: Callable[[], T]) -> T:
        """`work()` in a context of its own, and nothing else is put back."""
        return contextvars.copy_context().run(self._run, work)

    def _run(self, work: Callable[[], T]) -> T:
        decimal.setcontext(self._decimal.copy())
        return work()

    def stages(self, stages: Iterable[Stage]) -> None:
        """The own stages of the container that comes now: what their instances keep is put back as well."""
        self._stages = Watcher(self._user.modules)
        try:
            for stage in stages:
                if type(stage).source_hash:
                    if self._met.get(id(stage)) is not stage:
                        self._met[id(stage)] = stage
                        self._touched = self._touched or self._runs_code(type(stage))  # it has just been made
                    self._stages.stage(stage)
        except TooMuchError as error:
            self.left = self.left or str(error)

    def _runs_code(self, model: type[Stage]) -> bool:
        if model not in self._making:
            self._making[model] = runs_code(model, self._user.modules)
        return self._making[model]

    def settle(self) -> None:
        """As `restore`, when a user's code has run since the last time."""
        if self._touched:
            self.restore()

    def restore(self) -> None:
        """Put back what can be; say in `left` what cannot."""
        self._touched = False
        try:
            left = self._restored()
        except Exception as error:  # its own tools were changed
            left = f"something that could not be put back ({type(error).__name__})"
        self.left = self.left or left

    def _restored(self) -> str:
        left = self._restore_modules()  # first: all else is done with them
        for held, saved in self._lists:
            if held != saved:
                held[:] = saved
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        if self._variables._data != self._environ:  # type: ignore[attr-defined]
            self._restore_environ()
        compiled = _signatures(self._user)
        if compiled != self._compiled and self._user.renamed():
            left = left or "functions compiled from variables that it changed"
        self._compiled = compiled
        for watcher in (self._user, self._stages):
            for watch in watcher.watches:
                if not watch.restore():
                    left = left or f"a changed {watch.name}"
        for read, put, value in self._settings:
            if read() != value:
                put(value)
        if self._options is not None and not same(_live_options(), self._options):
            _restore_options(_live_options(), self._options)
        return left or self._restore_generators() or self._process.restore() or self._odd()

    def _odd(self) -> str:
        return "" if _floats() == self._floats else "the processor's way of rounding"

    def _restore_environ(self) -> None:
        saved = {os.fsdecode(key): os.fsdecode(value) for key, value in self._environ.items()}
        for name in [*self._variables]:
            if name not in saved:
                del self._variables[name]
        self._variables.update(saved)
        time.tzset()

    def _restore_modules(self) -> str:
        if changed := self._known_versions.changed():
            for name, held, saved in [self._known[place] for place in changed]:
                if not same(held, saved):
                    _module_restored(name, held, saved)
            self._known_versions.settle()
        if self._modules_version.changed():
            self._restore_imports()
        left = ""
        if changed := self._class_versions.changed():
            for cls, held, saved in [self._classes[place] for place in changed]:
                if not same(held, saved) and not _class_restored(cls, saved):
                    left = f"attributes of {cls.__qualname__}"
            self._class_versions.settle()
        return left

    def _restore_imports(self) -> None:
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
        known = {id(module) for module in self._modules.values()}
        for name in [name for name in sys.modules if name not in self._modules]:
            if getattr(sys.modules[name], "__spec__", None) is None or id(sys.modules[name]) in known:
                del sys.modules[name]  # put there by hand
            else:
                self._modules[name] = sys.modules[name]
                self.imported.append(name)
        self._modules_version.settle()

    def _restore_generators(self) -> str:
        random.setstate(self._random)
        held, bits, words = self._generator
        if np.random.mtrand._rand is not held or np.random.mtrand.get_bit_generator() is not bits:
            return "NumPy's global generator"
        if _words(bits) != words:
            held.set_state(self._drawn)
        return ""


def preload(names: Iterable[str]) -> None:
    """Import what stages of this plan were seen to import as they ran; what fails to will fail there."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            continue


def _watched_modules() -> list[tuple[str, ModuleType]]:
    """`sys` too: its lists and handlers are variables of it."""
    found = {}
    for name, module in list(sys.modules.items()):
        wanted = name in _MODULES or name == "sys" or name.partition(".")[0] in _LIBRARIES
        if wanted and isinstance(module, ModuleType):
            found[name] = module
    return list(found.items())


def _watched_classes() -> list[type]:
    """The classes that own stages derive from or are given, and pandas' own."""
    found: dict[type, None] = dict.fromkeys(_CLASSES)
    rest = [Stage]
    while rest:
        cls = rest.pop()
        if cls.__module__.partition(".")[0] == "engine" and cls not in found:
            found[cls] = None
            rest.extend(cls.__subclasses__())
    pandas = sys.modules.get("pandas")
    for name in _CLASSES_OF_PANDAS if pandas else ():
        found[getattr(pandas, name)] = None
    return [cls for cls in found if cls.__flags__ & 1 << 9]  # heap types: others cannot be changed


def _dict_of(cls: type) -> dict[str, Any]:
    """The dict behind a class's attributes."""
    held: dict[str, Any] = gc.get_referents(vars(cls))[0]
    return held


def _module_restored(name: str, held: dict[str, Any], saved: dict[str, Any]) -> None:
    for key in [key for key in held if key not in saved]:
        module = sys.modules.get(f"{name}.{key}")
        if key in _OF_LIBRARIES or (module is not None and module is held[key]):
            saved[key] = held[key]
        else:
            del held[key]
    for key, value in saved.items():
        if key in _OF_LIBRARIES and key in held:
            saved[key] = held[key]
        elif held.get(key, saved) is not value:
            held[key] = value


def _class_restored(cls: type, saved: dict[str, Any]) -> bool:
    try:
        for name in [name for name in vars(cls) if name not in saved]:
            if name.startswith("__"):
                saved[name] = vars(cls)[name]  # made when it is asked for: a signature, a schema
            else:
                type.__delattr__(cls, name)
        for name, value in saved.items():
            if vars(cls).get(name, saved) is not value:
                type.__setattr__(cls, name, value)
    except (TypeError, AttributeError):
        return False
    return same(vars(cls), saved)


def _signatures(watcher: Watcher) -> list[int]:
    return [len(function.overloads) for function in watcher.compiled]


def _numpy_generator() -> tuple[Any, Any, bytes]:
    held = np.random.mtrand._rand
    bits = np.random.mtrand.get_bit_generator()
    return held, bits, _words(bits)


def _words(bits: Any) -> bytes:
    """The state of NumPy's global Mersenne Twister, as it lies in memory."""
    return ctypes.string_at(bits.ctypes.state_address, _MT19937)


_TINY, _ONE, _THREE = np.float64(sys.float_info.min).item(), 1.0, 3.0


def _floats() -> tuple[float, ...]:
    """What rounding and numbers below the normal ones come to now."""
    return (_TINY * 0.5, _ONE / _THREE, -_ONE / _THREE, _ONE + 1.1e-16)


def _live_options() -> Any:
    return sys.modules["pandas._config.config"]._global_config


def _pandas_options() -> Any:
    return copy.deepcopy(_live_options()) if "pandas._config.config" in sys.modules else None


def _restore_options(live: dict[str, Any], saved: dict[str, Any]) -> None:
    for key, value in saved.items():
        if isinstance(value, dict):
            _restore_options(live[key], value)
        else:
            live[key] = value


def _of_talib(modules: Iterable[str]) -> list[tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """TA-Lib's own modes, which are those of its C library, where a module of the user's may set them: how they are
    read, and set. To read them takes a third of the time of all the rest."""
    texts = [inspect.getsource(sys.modules[name]) for name in modules]
    if not any(setter in text for text in texts for setter in ("set_unstable_period", "set_compatibility")):
        return []
    import talib

    names = [name for name in talib._ta_lib._ta_func_unst_ids if name not in ("ALL", "NONE")]

    def put(periods: list[int]) -> None:
        for name, period in zip(names, periods, strict=True):
            talib.set_unstable_period(name, period)

    return [
        (lambda: list(map(talib.get_unstable_period, names)), put),
        (talib.get_compatibility, talib.set_compatibility),
    ]


def _set_trace(_: Any) -> None:
    sys.settrace(None)


def _set_profile(_: Any) -> None:
    sys.setprofile(None)


#: (how it is read, how it is set): modes of the interpreter.
_SETTINGS: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
    (gc.get_threshold, lambda value: gc.set_threshold(*value)),
    (gc.isenabled, lambda value: gc.enable() if value else gc.disable()),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (sys.gettrace, _set_trace),
    (sys.getprofile, _set_profile),
    (functools.partial(locale.setlocale, locale.LC_ALL), functools.partial(locale.setlocale, locale.LC_ALL)),
    (lambda: logging.root.level, logging.root.setLevel),
    (lambda: logging.root.manager.disable, logging.disable),
    (lambda: decimal.DefaultContext.prec, lambda value: setattr(decimal.DefaultContext, "prec", value)),
]
