"""What answers about the server itself look like."""

from typing import Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    """The process lives."""

    status: Literal["alive"]
    version: str = Field(description="Of stage1.", examples=["0.1.0"])


class Ready(BaseModel):
    """Requests can be worked on."""

    status: Literal["ready"]
    migration: str = Field(description="The last migration of the database.", examples=["0016_create_access_tokens"])
