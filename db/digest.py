"""The digest of a run: one hash over the digests of its containers."""

import hashlib
from collections.abc import Iterable


def run_digest(rows: Iterable[tuple[int, str, str | None]]) -> str:
    """SHA-256 (hex) over rows (index, status, digest) in index order: a done container counts as its digest, any other
    as its status."""
    digest = hashlib.sha256()
    for index, status, own in rows:
        digest.update(f"{index} {own if status == 'done' else status}\n".encode())
    return digest.hexdigest()
