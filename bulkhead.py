"""The public face of Bulkhead: what a stage or a notebook imports. Everything else may move."""

from pydantic import Field

from engine import __version__
from engine.classifiers.base import Classifier
from engine.indicators.request import indicator
from engine.strategies.base import RandomStrategy, Strategy

__all__ = ["Classifier", "Field", "RandomStrategy", "Strategy", "__version__", "indicator"]
