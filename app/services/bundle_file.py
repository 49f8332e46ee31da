"""What tells a bundle from a config, without reading either."""

from pathlib import Path


def is_bundle(path: Path) -> bool:
    """Whether a file begins as ZIP files do; False for one that cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\3\4", b"PK\5\6")
    except OSError:
        return False
