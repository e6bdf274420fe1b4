"""The shape of a refusal: RFC 9457, with the codes of the error table."""

from pydantic import BaseModel, ConfigDict, Field


class FieldProblem(BaseModel):
    """One place of a request, and what is wrong with it."""

    pointer: str = Field(description="A JSON pointer into the body; /query/NAME and /path/NAME name a parameter.")
    detail: str


class Problem(BaseModel):
    """Why a request was refused, or could not be worked on."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="A name of the error that never changes.")
    title: str
    status: int
    detail: str
    code: str = Field(description="The code of the error table, or the error's name where it has no code.")
    hint: str = Field(default="", description="What to do about it.")
    instance: str = Field(description="The id of the request, as in the server's log.")
    pointer: str | None = Field(default=None, description="Where in the body it is.")
    line: int | None = Field(default=None, description="In which line of an NDJSON body it is, counted from 1.")
    errors: list[FieldProblem] = Field(default_factory=list, description="All places, where there are several.")
    current_version_id: str | None = Field(default=None, description="S1E02: the version that is the latest now.")
