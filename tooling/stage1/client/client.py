"""The client: one object for one server.

Owns the settings it takes (STAGE1_SERVER, STAGE1_TOKEN) and the list of what can be asked. May be used by many threads. What it
writes is sent again only where that cannot apply twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from stage1 import settings as settings_module
from stage1.client import datasets, upserts
from stage1.client.datasets import Dataset, Diff, moment_text, selector
from stage1.client.experiments import Experiment, experiment_at, of_info
from stage1.client.requests import Requests, new_key
from stage1.client.rows import Missing, SourceIdKey, object_of, row_form
from stage1.client.transport import Transport, segment
from stage1.client.upserts import Mode, Progress, Upsert
from stage1.errors import ArgumentInvalid

if TYPE_CHECKING:
    import pandas as pd

    from stage1.client.callables import Evaluators
    from stage1.client.comparing import Comparison

_PAGE = 500
_NO_EVALUATORS: tuple[Callable[..., Any], ...] = ()


class Client:
    """A server of stage1. Close it, or use it in a `with` block.

    `url` and `token` are those of the settings STAGE1_SERVER and STAGE1_TOKEN unless they are given; token="" is none.
    `timeout` is how many seconds the server may be silent while it answers what is read, `write_timeout` the same of what is
    written.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, timeout: float = 60.0, write_timeout: float = 120.0
    ) -> None:
        if timeout <= 0 or write_timeout <= 0:
            raise ArgumentInvalid("timeout and write_timeout are seconds, more than none.")
        settings = settings_module.load() if url is None or token is None else None
        if settings:
            token = settings.text("STAGE1_TOKEN") if token is None else token
            url = settings.text("STAGE1_SERVER") if url is None else url
        self._transport = Transport(url or "", token or None, timeout)
        self._requests = Requests(self._transport, write_timeout)

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def server_version(self) -> str:
        """The version of stage1 that the server runs. A newer one answers this client as well."""
        return str(self._requests.read("/health", "version")["version"])

    def close(self) -> None:
        """Closes the connections; what is asked afterwards has one of its own each time."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    # --- datasets ------------------------------------------------------------------------------------------

    def upsert_dataset(
        self,
        *,
        examples: Any,
        mode: Mode,
        name: str | None = None,
        id: str | UUID | None = None,  # noqa: A002 - as the server calls it
        source_id_key: SourceIdKey = "source_id",
        input_keys: Sequence[str] | None = None,
        output_keys: Sequence[str] | None = None,
        metadata_keys: Sequence[str] | None = None,
        missing: Missing = "refuse",
        expected_version_id: str | UUID | None = None,
        dry_run: bool = False,
        allow_empty: bool = False,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Dataset:
        """Brings a dataset to what the examples say, and gives the version that it is at then.

        `examples` is an iterable of rows or a DataFrame. A row is a mapping with source_id, input, output and metadata; where
        `input_keys`, `output_keys` or `metadata_keys` are named, these columns are gathered into the three objects.
        `source_id_key` names the column of the source id, or is a function that makes it of a row. What each kind of Python
        value becomes stands in `stage1.client.rows`; a NaN is refused with its place unless `missing` is "null" or "drop".

        `mode="merge"` adds and corrects, `mode="mirror"` deletes what is not given, too (nothing given is refused unless
        `allow_empty`). With `expected_version_id` it is refused unless that is the latest version. A dry run counts and writes
        nothing. Nothing new makes no version. `progress` is called with what is being done, how many examples, and of how many.
        """
        form = row_form(source_id_key, input_keys, output_keys, metadata_keys, missing)
        wanted = Upsert(
            name,
            None if id is None else str(id),
            mode,
            None if expected_version_id is None else str(expected_version_id),
            dry_run,
            allow_empty,
            description,
            metadata,
            progress,
        )
        return upserts.upsert(self._requests, wanted, examples, form)

    def get_dataset(
        self, name_or_id: str | UUID, *, version: int | str | UUID | None = None, tag: str | None = None, as_of: object = None
    ) -> Dataset:
        """A version of a dataset: by number or id, by tag, as of a moment; the latest where nothing is said."""
        return datasets.dataset_at(self._requests, str(name_or_id), selector(version, tag, as_of))

    def list_datasets(self) -> Iterator[dict[str, Any]]:
        """The rows of the catalog, of every kind."""
        return self._requests.pages("/v1/datasets", {"limit": _PAGE})

    def versions(self, dataset: str | Dataset) -> Iterator[dict[str, Any]]:
        """The versions of a dataset, the newest first."""
        return datasets.versions(self._requests, _dataset(dataset))

    def history(self, dataset: str | Dataset, source_id: str) -> Iterator[dict[str, Any]]:
        """What happened to an example, the newest first."""
        return datasets.history(self._requests, _dataset(dataset), source_id)

    def diff(self, dataset: str | Dataset, base: int | str | UUID, other: int | str | UUID = "latest") -> Diff:
        """What changed from one version to another."""
        return datasets.diff(self._requests, _dataset(dataset), base, other)

    def tag(self, dataset: str | Dataset, tag: str, *, version: int | str | UUID | None = None) -> None:
        """Names a version of a dataset; a tag that is there is moved. Without `version` it is that of `dataset`."""
        chosen = dataset.version_id if isinstance(dataset, Dataset) and version is None else selector(version)
        path = f"/v1/datasets/{segment(_dataset(dataset))}/tags/{segment(tag)}"
        self._requests.write("PUT", path, {"version": chosen}, is_safe=True)

    def untag(self, dataset: str | Dataset, tag: str) -> None:
        """Takes a tag away."""
        path = f"/v1/datasets/{segment(_dataset(dataset))}/tags/{segment(tag)}"
        self._requests.write("DELETE", path, None, is_safe=False)

    def restore(
        self,
        dataset: str | Dataset,
        version: int | str | UUID,
        *,
        expected_version_id: str | UUID | None = None,
        dry_run: bool = False,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """Makes a new version that holds what an earlier one held."""
        said: dict[str, Any] = {"version": selector(version), "dry_run": dry_run}
        if expected_version_id is not None:
            said["expected_version_id"] = str(expected_version_id)
        if description is not None:
            said["description"] = description
        if metadata:
            said["metadata"] = object_of(metadata, "metadata")
        path = f"/v1/datasets/{segment(_dataset(dataset))}/restore"
        answer = self._requests.write("POST", path, said, has="summary", is_safe=True, key=new_key())
        return upserts.dataset_of(self._requests, answer, is_dry_run=dry_run)

    # --- bars ----------------------------------------------------------------------------------------------

    def read_bars(
        self, symbol: str, start: object = None, end: object = None, *, prices: Literal["decimal", "float"] = "decimal"
    ) -> "pd.DataFrame":
        """The bars of a symbol from `start` until before `end`, as `stage1.read_bars` gives them."""
        from stage1.client.frames import bars_frame

        if prices not in ("decimal", "float"):
            raise ArgumentInvalid(f"prices was {prices!r}; 'decimal' or 'float' was expected.")
        query = {
            "symbol": symbol,
            "from": None if start is None else moment_text(start),
            "until": None if end is None else moment_text(end),
        }
        return bars_frame(self._transport, query, as_floats=prices == "float")

    # --- experiments ---------------------------------------------------------------------------------------

    def run_experiment(
        self,
        dataset: str | Dataset,
        task: Callable[..., Any],
        evaluators: "Evaluators" = _NO_EVALUATORS,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        repetitions: int = 1,
        concurrency: int = 8,
        retries: int = 0,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Experiment:
        """Runs the task on every example of a version and evaluates its outputs; `print` shows what came of it.

        A task takes, by name, any of input, expected (or output), metadata, example, source_id and repetition, or one argument
        of any name, which is the input; it returns any JSON value. An evaluator takes output, expected, input, metadata, example,
        source_id and repetition likewise, or one argument, which is the output; it returns a bool, a number (a score), a
        text (a label), a mapping of score, label, explanation and metadata, or None. Both may be async: these share one event
        loop, in a thread of its own; others are called in threads, `concurrency` at once.

        A task that fails is a run with its error (after `retries` more tries, each of at most `timeout` seconds), never the end.
        What is done is recorded as it is done: after Ctrl-C, `resume_experiment` goes on.
        """
        from stage1.client import running

        options = {"concurrency": concurrency, "retries": retries, "timeout": timeout, "progress": progress}
        plan = running.planned(self._requests, task, evaluators, **options, on_conflict="refuse")  # type: ignore[arg-type]
        chosen = dataset if isinstance(dataset, Dataset) else self.get_dataset(dataset)
        address = {"dataset": chosen.dataset_id, "version": chosen.version_id}
        if chosen.version_id is None:
            raise ArgumentInvalid(
                "The dataset has no version yet: it was planned (dry_run=True).", hint="Upsert without dry_run."
            )
        said = {name: item for name, item in (("name", name), ("description", description)) if item is not None}
        about = {"metadata": object_of(metadata, "metadata")} if metadata else {}
        # The id is made here, so that the same request sent twice makes one experiment.
        body = {**address, **said, **about, "experiment_id": str(uuid4()), "repetitions": repetitions}
        info = self._requests.write("POST", "/v1/experiments", body, has="experiment_id", is_safe=True)
        found = of_info(self._requests, info)
        return running.carried_out(plan, found.begun())

    def resume_experiment(
        self,
        experiment_id: str | UUID | Experiment,
        task: Callable[..., Any],
        evaluators: "Evaluators" = _NO_EVALUATORS,
        *,
        concurrency: int = 8,
        retries: int = 0,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Experiment:
        """Makes the runs that are missing or failed, and the evaluations that are; what succeeded stays."""
        from stage1.client import running

        options = {"concurrency": concurrency, "retries": retries, "timeout": timeout, "progress": progress}
        plan = running.planned(self._requests, task, evaluators, **options, on_conflict="keep")  # type: ignore[arg-type]
        return running.carried_out(plan, self.get_experiment(experiment_id))

    def evaluate_experiment(
        self,
        experiment_id: str | UUID | Experiment,
        evaluators: "Evaluators",
        *,
        concurrency: int = 8,
        retries: int = 0,
        timeout: float | None = None,
        progress: Progress | None = None,
    ) -> Experiment:
        """Makes the evaluations that are missing or failed, of the outputs that are recorded."""
        from stage1.client import running

        options = {"concurrency": concurrency, "retries": retries, "timeout": timeout, "progress": progress}
        plan = running.planned(self._requests, None, evaluators, **options, on_conflict="keep")  # type: ignore[arg-type]
        return running.carried_out(plan, self.get_experiment(experiment_id))

    def get_experiment(self, experiment_id: str | UUID | Experiment) -> Experiment:
        """An experiment with its results."""
        return experiment_at(self._requests, _experiment(experiment_id))

    def list_experiments(self, dataset: str | Dataset | None = None) -> Iterator[Experiment]:
        """Experiments, the newest first."""
        query = {"dataset": None if dataset is None else _dataset(dataset), "limit": _PAGE}
        for info in self._requests.pages("/v1/experiments", query):
            yield of_info(self._requests, info)

    def compare_experiments(self, base: str | UUID | Experiment, other: str | UUID | Experiment) -> "Comparison":
        """Two experiments beside each other, example by example."""
        from stage1.client.comparing import comparison

        return comparison(self._requests, _experiment(base), _experiment(other))


def _dataset(given: str | Dataset) -> str:
    if isinstance(given, Dataset):
        if given.dataset_id is None:
            raise ArgumentInvalid("The dataset is not there yet: it was planned (dry_run=True).", hint="Upsert without dry_run.")
        return given.dataset_id
    return str(given)


def _experiment(given: str | UUID | Experiment) -> str:
    return given.experiment_id if isinstance(given, Experiment) else str(given)
