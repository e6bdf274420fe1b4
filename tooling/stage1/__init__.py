"""stage1 keeps market datasets in PostgreSQL: SQL decides, this package carries bytes, files and answers."""

__version__ = "0.1.0"
