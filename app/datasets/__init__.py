"""Market data from a user's files: read, checked, stored by the hash of its content, found again by name."""

from app.datasets.columns import parse_mapping
from app.datasets.library import DatasetLibrary

__all__ = ["DatasetLibrary", "parse_mapping"]
