"""Numba as Bulkhead uses it: cached, IEEE arithmetic in source order, never parallel.

Numba's own cache does not notice an edit in another file that a kernel calls, so the cache lives under a hash of
all engine sources: any edit compiles anew, and an installed version compiles once.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.config
import platformdirs


def _source_hash() -> str:
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


SOURCE_HASH = _source_hash()


def _cache_folder() -> Path:
    base = os.environ.get("BULKHEAD_CACHE") or platformdirs.user_cache_dir("bulkhead")
    return Path(base) / "kernels" / SOURCE_HASH


CACHE_FOLDER = _cache_folder()
numba.core.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on its first call (or load it from the cache). No fastmath: bytes must not depend on luck."""
    compiled: Callable[..., Any] = numba.njit(cache=True, fastmath=False, error_model="numpy")(function)
    return compiled


def lean_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """A `kernel` that makes no array: without reference counts, which at each of its calls cost more than its work."""
    options: dict[str, Any] = {"cache": True, "fastmath": False, "error_model": "numpy", "_nrt": False}
    compiled: Callable[..., Any] = numba.njit(**options)(function)
    return compiled
