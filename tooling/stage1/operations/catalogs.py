"""Which catalog a command works with: that of a database, or the offline one of a machine without.

Owns where the offline catalog lies. May import adapters, database and model. Refuses nothing.
"""

from stage1.adapters.sqlite_catalog import SqliteCatalog
from stage1.database.postgres_catalog import PostgresCatalog
from stage1.database.targets import Target
from stage1.operations.data_folder import DataFolder
from stage1.ports import CatalogPort
from stage1.settings import Settings


def catalog_of(target: Target | None, settings: Settings) -> CatalogPort:
    """The catalog of a database; without one, the offline catalog."""
    return PostgresCatalog(target, settings) if target else offline_catalog(settings)


def offline_catalog(settings: Settings) -> SqliteCatalog:
    """The offline catalog: the file that the settings name, or the one in the data folder."""
    if settings.text("STAGE1_CATALOG"):
        return SqliteCatalog(settings.path("STAGE1_CATALOG"))
    return SqliteCatalog(DataFolder.of(settings).root / "catalog.sqlite")
