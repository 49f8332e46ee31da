"""The engine: what a container is and does. It knows no database and no screen."""

__version__ = "0.1.0"
