"""The Python client: a server of stage1 by HTTP.

`Client` is where to begin. Owns what a researcher writes in Python about versioned examples and experiments. Imports
stage1.model, the errors, settings and the clock, and of others the standard library alone; pandas and pyarrow only where a
DataFrame is asked for. What is exported here is imported when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stage1 import errors
    from stage1.client.client import Client
    from stage1.client.comparing import Comparison
    from stage1.client.datasets import Dataset, Example, Summary
    from stage1.client.experiments import Experiment
    from stage1.client.problems import AnswerNotUnderstood, Refused, ServerUnavailable
    from stage1.client.running import Interrupted

__all__ = [
    "AnswerNotUnderstood",
    "Client",
    "Comparison",
    "Dataset",
    "Example",
    "Experiment",
    "Interrupted",
    "Refused",
    "ServerUnavailable",
    "Summary",
    "errors",
]

_MODULES = {
    "AnswerNotUnderstood": "problems",
    "Client": "client",
    "Comparison": "comparing",
    "Dataset": "datasets",
    "Example": "datasets",
    "Experiment": "experiments",
    "Interrupted": "running",
    "Refused": "problems",
    "ServerUnavailable": "problems",
    "Summary": "datasets",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("stage1.errors")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"stage1.client.{_MODULES[name]}"), name)
