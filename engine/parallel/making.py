"""Whether a user's code runs when a stage is made from its parameters."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

_METHODS = ("__init__", "__new__", "__setattr__", "__getattribute__", "model_post_init")


def runs_code(model: type[BaseModel], modules: Collection[str]) -> bool:
    """Whether making an instance may run code of these modules: a validator, a default's factory, a method. In doubt
    it may."""
    if model.__module__ not in modules:  # made over one of theirs
        return True
    methods = [vars(base).get(name) for base in model.__mro__ for name in _METHODS]
    factories = [attribute.default_factory for attribute in model.__private_attributes__.values()]
    if any(getattr(call, "__module__", None) in modules for call in (*methods, *factories)):
        return True
    return _calls(model.__pydantic_core_schema__, modules)


def _calls(schema: Any, modules: Collection[str]) -> bool:
    """Whether pydantic's plan of a validation holds anything to call, but built-in types."""
    if isinstance(schema, Mapping):
        return any(_calls(part, modules) for name, part in schema.items() if name not in ("cls", "metadata"))
    if isinstance(schema, list | tuple):
        return any(_calls(part, modules) for part in schema)
    return callable(schema) and (not isinstance(schema, type) or schema.__module__ in modules)
