"""What every stage is: a frozen pydantic model whose fields are its parameters, named in configs by its `kind`."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from engine.indicators.request import Request


class Stage(BaseModel):
    """Base of all stages. Fields are parameters, with bounds, a unit and a sentence (the form is built from them)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    #: What the stage is: classifier, strategy, ensemble, risk, portfolio or execution; of a user's also indicator.
    family: ClassVar[str]
    #: Of a user's own stage: the hash of its file and of what that imports. Set where it is loaded.
    source_hash: ClassVar[str] = ""

    def indicators(self) -> dict[str, Request]:
        """The indicators the stage reads, by the names it reads them under. Default: none."""
        return {}

    @classmethod
    def field_at(cls, place: tuple[str, ...]) -> FieldInfo | None:
        """The field that says what may stand at a place of the stage's table: its first key's. None: there is none."""
        return cls.model_fields.get(place[0])

    def decides(self) -> dict[str, Any]:
        """The parameters that a result depends on, for the hash of its spec: all of them."""
        return self.__dict__

    def values(self) -> dict[str, Any]:
        """The parameters as plain data, in field order."""
        return self.model_dump(mode="json")


class Regimes:
    """The classifier's labels as stages see them: `codes` int64 (bars,), −1 before the first label; `names` of them."""

    __slots__ = ("codes", "names")

    def __init__(self, codes: npt.NDArray[np.int64], names: tuple[str, ...]) -> None:
        self.codes = codes
        self.names = names
