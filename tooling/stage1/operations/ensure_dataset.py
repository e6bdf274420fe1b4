"""Sees to it that a dataset is there: fetched, derived, loaded, registered; whatever of it is there already is left as it is.

Owns the order, and that a database which cannot take the result is found out before anything is paid for. May import database,
adapters, model and ports. Refuses a symbol under which the database has bars of another origin.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from stage1.database.postgres_catalog import PostgresCatalog
from stage1.database.targets import Target
from stage1.errors import OriginConflict
from stage1.model.dataset_manifests import DatasetManifest
from stage1.model.periods import Period
from stage1.operations import bar_stats, derive_inputs
from stage1.operations.catalogs import offline_catalog
from stage1.operations.data_folder import PRODUCTS, DataFolder
from stage1.operations.derive import Derived, derive
from stage1.operations.fetch import Fetcher
from stage1.operations.fetch_records import Wanted
from stage1.operations.fetch_terms import Wishes
from stage1.operations.register_dataset import Progress, loads_into, register
from stage1.ports import CatalogPort, MarketDataPort
from stage1.settings import Settings

_MADE = {"derived": "derived from trades", "vendor": "made by the vendor"}


@dataclass(frozen=True)
class Ensured:
    """A dataset that is there."""

    dataset: DatasetManifest
    derived: Derived
    was_registered: bool  # now: the catalog knew another one, or none

    @property
    def was_there(self) -> bool:
        """Whether nothing had to be derived, loaded or registered."""
        return not self.derived.was_read and not self.was_registered


class Pipeline:
    """What turns raw files into a dataset of a catalog; without a target that of the offline one."""

    def __init__(self, settings: Settings, target: Target | None, *, replace_origin: bool = False) -> None:
        self._settings = settings
        self._target = target
        self._replace_origin = replace_origin
        self._data = DataFolder.of(settings)
        self._catalog: CatalogPort
        self._origins: dict[str, tuple[str, str, str]] = {}  # symbol -> vendor, its dataset, how its bars were made
        # Asked now: a database that is not there, or too old, is no place for what is about to be paid for.
        if target is None:
            self._catalog, self._lost = offline_catalog(settings), set[str]()
        else:
            database = PostgresCatalog(target, settings)
            self._catalog, self._lost = database, database.without_bars()
            self._origins = bar_stats.origins(target, settings)

    def ensure(
        self,
        symbol: str,
        period: Period,
        products: Sequence[str],
        progress: Progress,
        *,
        force: bool = False,
        verify: bool = False,
    ) -> Ensured:
        """Derives, loads and registers; the raw files are there, and the caller holds the lock."""
        inputs = derive_inputs.in_place(self._data, symbol, period, products)
        derived = derive(self._data, symbol, period, inputs, force=force, verify=verify, progress=progress)
        slug = derived.dataset.dataset_id
        known = self._catalog.get_dataset(slug)
        target, replace_origin = self._target, self._replace_origin
        load = loads_into(target, self._settings, progress, replace_origin=replace_origin) if target else None
        registered = register(self._catalog, known, derived.dataset, load, is_lost=slug in self._lost)
        return Ensured(registered.dataset, derived, registered.changed)

    def require_own_bars(self, wanted: Wanted) -> None:
        """Refuses bars that could not be loaded, while nothing has been paid for: others lie under their symbol."""
        held = self._origins.get(wanted.symbol)
        if self._replace_origin or held in (None, ("databento", wanted.dataset, "derived")):
            return
        raise OriginConflict(
            f"{wanted.symbol} holds bars of {held[0]} {held[1]}, {_MADE[held[2]]};"
            f" bars derived from {wanted.dataset} were asked for.",
            detail="Bars of one symbol come from one place, unless it is said that they need not.",
            hint="--replace-origin says that they are meant to replace those; --offline makes the dataset without loading it.",
        )


class VendorMarket(MarketDataPort):
    """The market as a program uses it: both products, within what the settings allow it to cost, and nobody to be asked."""

    def __init__(self, settings: Settings, target: Target | None, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._target = target
        self._say = say

    def ensure_dataset(self, symbol: str, from_date: date, to_date: date) -> str:
        """Sees to it that the bars of these days (`to_date` is exclusive) are there, and returns the dataset's id: its slug."""
        period, products = Period(from_date, to_date), tuple(PRODUCTS)
        pipeline = Pipeline(self._settings, self._target)
        with DataFolder.of(self._settings).locked(symbol, period):
            for outcome in Fetcher(self._settings, Wishes(check=pipeline.require_own_bars), self._say, lambda *_: None).fetch(
                [symbol], [period], products
            ):
                if outcome.problem is not None:
                    raise outcome.problem
            return pipeline.ensure(symbol, period, products, lambda *_: None).dataset.dataset_id
