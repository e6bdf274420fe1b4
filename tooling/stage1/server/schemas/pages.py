"""What all answers share: pages, numbers and times as they stand in JSON."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field

Item = TypeVar("Item", bound=BaseModel)

# Schemas and not types of Python: answers are written from our rows as they are.
Price = Annotated[
    str,
    Field(
        pattern=r"^(-?[0-9]+([.][0-9]+)?|NaN|-?Infinity)$",
        description="A decimal number with every digit that is stored, without an exponent.",
        examples=["4500.25"],
    ),
]
Time = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        description="RFC 3339 in UTC; microseconds where there are some.",
        examples=["2023-01-03T14:30:00Z"],
    ),
]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"}, examples=["7f2c1d8e-6d0b-5c1a-9a53-0e2f4b6f9d11"])]
Metadata = Annotated[dict[str, Any], Field(description="A JSON object, each number with every digit that is stored.")]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="What to pass as cursor for the page that follows; null at the end.")
