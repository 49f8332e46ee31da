"""The command line: one file for each group of commands. Nothing heavy is imported before a command needs it."""

from app.cli.main import main

__all__ = ["main"]
