"""Market data as the engine sees it: immutable bars, known by the hash of their content."""

from engine.market.dataset import Dataset, canonical_hash, describe
from engine.market.index import index_market
from engine.market.market import BAR, Market
from engine.market.quality import Report, check

__all__ = ["BAR", "Dataset", "Market", "Report", "canonical_hash", "check", "describe", "index_market"]
