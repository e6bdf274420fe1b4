"""What answers about validations look like."""

from pydantic import BaseModel, Field

from stage1.server.schemas.pages import Page, Time


class CheckAnswer(BaseModel):
    """What one check answered."""

    check: str = Field(examples=["bars_without_ingest"])
    errors: int
    warnings: int
    milliseconds: int
    problem: str | None = Field(description="Why it did not answer.")


class ValidationRun(BaseModel):
    """One run of `stage1 validate`."""

    id: int
    started_at: Time
    finished_at: Time
    is_complete: bool = Field(description="Whether every check was asked.")
    is_deep: bool
    error_count: int
    warning_count: int
    unanswered_count: int
    checks: list[CheckAnswer]


class Finding(BaseModel):
    """Something that a check found."""

    check_name: str = Field(examples=["bars_without_ingest"])
    place: int = Field(description="Which of the check's findings it is, from 1 on.")
    run_id: int = Field(description="The run that found it: the latest that asked the check and was answered.")
    severity: str = Field(examples=["error"])
    subject: str | None
    detail: str | None


class Validation(Page[Finding]):
    """The newest run that asked every check, and the findings of all checks, by check."""

    run: ValidationRun | None = Field(description="Null where there was none yet.")
