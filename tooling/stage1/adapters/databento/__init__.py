"""Databento's files: the only place that imports the vendor's library, and only when it is used."""
