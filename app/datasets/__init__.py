"""Market data from a user's files: read, checked, stored by the hash of its content, found again by name."""

from app.datasets.columns import parse_mapping
from app.datasets.features import parse_features
from app.datasets.library import DatasetLibrary
from app.datasets.wanted import Wanted

__all__ = ["DatasetLibrary", "Wanted", "parse_features", "parse_mapping"]
