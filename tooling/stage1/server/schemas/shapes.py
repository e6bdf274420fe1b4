"""What the shapes of all bodies have in common, and the types of fields that JSON has no word for.

Bodies are parsed by our own strict parser before; so a shape is strict, too: no text counts as a number, and a field that
nobody knows is refused. Uuids and times are texts in JSON.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


class Shape(BaseModel):
    """The base of every body that is sent to the server."""

    model_config = ConfigDict(strict=True, extra="forbid")


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    raise ValueError("a text was expected")


Uuid = Annotated[UUID, Field(strict=False), BeforeValidator(_text, json_schema_input_type=UUID)]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_text, json_schema_input_type=datetime)]
