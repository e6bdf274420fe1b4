"""What requests and answers about experiments look like."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from stage1.server.schemas.examples import Hash, Name, Object, Selector, SourceId
from stage1.server.schemas.pages import Id, Metadata, Page, Time
from stage1.server.schemas.shapes import Moment, Shape, Uuid

Repetition = Annotated[int, Field(ge=1, le=1000, description="Which of the experiment's repetitions, from 1.")]


class ExperimentBody(Shape):
    """An experiment on a version of a dataset."""

    dataset: str = Field(min_length=1, max_length=300, description="Name or id.", examples=["breakouts"])
    version: Selector = "latest"
    experiment_id: Uuid | None = Field(None, description="An id of the client's: the same request again makes nothing.")
    name: Name | None = None
    description: str | None = Field(None, max_length=10_000)
    metadata: Object = Field(default_factory=dict)
    repetitions: int = Field(1, ge=1, le=1000, description="How often every example is run.")


class RunBody(Shape):
    """A run of an example: an output, or an error."""

    source_id: SourceId
    repetition: Repetition = 1
    output: Any = Field(None, description="Any JSON; of a run that failed, nothing.")
    error: str | None = Field(None, min_length=1, description="Why the run failed. It may be recorded again.")
    started_at: Moment | None = None
    finished_at: Moment | None = None


class RunsHead(Shape):
    """A batch without its runs: the first line of an NDJSON body."""

    on_conflict: Literal["refuse", "keep"] = Field(
        "refuse", description="Of a successful run that has another output: refuse them all, or keep what is recorded."
    )


class RunsBody(RunsHead):
    """Many runs."""

    runs: list[RunBody]


class EvaluationBody(Shape):
    """An evaluation of a successful run; the same name again replaces it."""

    source_id: SourceId
    repetition: Repetition = 1
    name: Name
    annotator_kind: Literal["CODE", "LLM", "HUMAN"] = "CODE"
    label: str | None = None
    score: float | None = Field(None, allow_inf_nan=False)
    explanation: str | None = None
    error: str | None = Field(None, min_length=1, description="Why there is no result.")
    metadata: Object = Field(default_factory=dict)
    started_at: Moment | None = None
    finished_at: Moment | None = None


class EvaluationsHead(Shape):
    """A batch without its evaluations: the first line of an NDJSON body, which says nothing."""


class EvaluationsBody(EvaluationsHead):
    """Many evaluations."""

    evaluations: list[EvaluationBody]


class Experiment(BaseModel):
    """An experiment, the version that it is on, and how far it is."""

    experiment_id: Id
    dataset_id: Id
    dataset_slug: str
    version_id: Id
    version_sequence: int
    name: str | None
    description: str | None
    metadata: Metadata
    repetitions: int
    created_at: Time
    created_by: str | None
    example_count: int
    expected_run_count: int
    successful_run_count: int
    failed_run_count: int
    missing_run_count: int


class Recorded(BaseModel):
    """What became of a run."""

    run_id: int
    outcome: Literal["recorded", "replaced", "unchanged"]


class RecordedEvaluation(BaseModel):
    """What became of an evaluation."""

    run_id: int
    outcome: Literal["recorded", "replaced", "unchanged"]


class RunCounts(BaseModel):
    """What became of many runs."""

    recorded: int
    replaced: int
    unchanged: int
    kept: int


class EvaluationCounts(BaseModel):
    """What became of evaluations."""

    recorded: int
    replaced: int
    unchanged: int


class Evaluation(BaseModel):
    """An evaluation of a run."""

    name: str
    annotator_kind: Literal["CODE", "LLM", "HUMAN"]
    label: str | None
    score: float | None
    explanation: str | None
    error: str | None
    metadata: Metadata
    started_at: Time | None
    finished_at: Time | None
    recorded_at: Time
    recorded_by: str | None


class Run(BaseModel):
    """A run with its evaluations."""

    run_id: int
    source_id: str
    repetition: int
    output: Any
    error: str | None
    started_at: Time | None
    finished_at: Time | None
    recorded_at: Time
    attempt: int
    evaluations: list[Evaluation]


class MissingRuns(BaseModel):
    """An example and the repetitions of it that are missing or failed."""

    source_id: str
    input: Object
    output: Object
    metadata: Object
    content_hash: Hash
    repetitions: list[int]


class MissingEvaluations(BaseModel):
    """A successful run and the evaluations that it has not, or that failed."""

    run_id: int
    source_id: str
    repetition: int
    run_output: Any
    input: Object
    output: Object
    metadata: Object
    names: list[str]


class ComparedRun(BaseModel):
    """A run as a comparison shows it."""

    repetition: int
    output: Any
    error: str | None
    evaluations: list[dict[str, Any]]


class ComparedExample(BaseModel):
    """An example in both experiments, or in one of them."""

    source_id: str
    presence: Literal["both", "base", "other"]
    content_differs: bool = Field(description="Whether the versions of the two experiments hold another content of it.")
    base_hash: Hash | None
    other_hash: Hash | None
    base_runs: list[ComparedRun]
    other_runs: list[ComparedRun]


class ComparedEvaluation(BaseModel):
    """An evaluation in both experiments; paired are the examples whose content is the same in both."""

    name: str
    base_count: int
    base_mean: float | None
    other_count: int
    other_mean: float | None
    paired_count: int
    paired_delta_mean: float | None
    paired_delta_sd: float | None
    better: int
    worse: int
    equal: int


class Comparison(Page[ComparedExample]):
    """Two experiments beside each other, by source id."""

    base: Experiment
    other: Experiment
    evaluations: list[ComparedEvaluation]
