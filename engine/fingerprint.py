"""The platform that bit-identity is promised on: versions and CPU features that can change a last digit."""

import platform
from functools import lru_cache
from importlib.metadata import version

import llvmlite.binding

from engine import __version__
from engine.compiled import SOURCE_HASH
from engine.digest import text_digest
from engine.sweep import canonical

_LIBRARIES = ("numpy", "numba", "llvmlite", "TA-Lib", "pydantic", "scipy", "optuna")


def engine_version() -> str:
    """The engine's version and the hash of its sources, e.g. `0.1.0+1f3a…`."""
    return f"{__version__}+{SOURCE_HASH}"


@lru_cache(maxsize=1)
def platform_facts() -> dict[str, str]:
    """What is compared when two results differ in last digits, by name."""
    features = sorted(name for name, there in llvmlite.binding.get_host_cpu_features().items() if there)
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": llvmlite.binding.get_host_cpu_name(),
        "cpu_features": text_digest(",".join(features))[:16],
        "python": platform.python_version(),
        "libc": " ".join(platform.libc_ver()).strip(),
        **{name: version(name) for name in _LIBRARIES},
    }


def fingerprint() -> str:
    """The hash of the platform's facts."""
    return text_digest(canonical(platform_facts()))[:16]
