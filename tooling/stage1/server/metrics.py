"""What the server counts of itself, for Prometheus: requests by route, their time, and the pool of connections.

Owns the names of the metrics. A route is named by its template, never by the address that was asked for, so that nobody can
make new series. Each application has a registry of its own.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class _Pool(Collector):
    def __init__(self, figures: Callable[[], dict[str, int]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The pool as it is now."""
        helps = {
            "size": "Connections to the database that are open.",
            "idle": "Connections to the database that nobody uses.",
            "waiting": "Requests that wait for a connection to the database.",
        }
        for name, figure in self._figures().items():
            yield GaugeMetricFamily(f"stage1_pool_{name}", helps[name], figure)


class Metrics:
    """The figures of one application."""

    def __init__(self, pool: Callable[[], dict[str, int]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Pool(pool))
        self._requests = Counter(
            "stage1_http_requests", "Requests that were answered.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "stage1_http_request_duration_seconds",
            "How long requests took, from their first byte to the last byte of the answer.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._received = Counter("stage1_http_received_bytes", "Bytes of bodies that arrived.", registry=self._registry)
        self._sent = Counter("stage1_http_sent_bytes", "Bytes of bodies that were sent.", registry=self._registry)
        self.in_flight = Gauge("stage1_http_requests_in_flight", "Requests that are worked on.", registry=self._registry)

    def note(self, route: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Counts one request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, f"{status // 100}xx").inc()
        self._seconds.labels(route, method).observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return generate_latest(self._registry)
