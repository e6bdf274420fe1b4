"""The REST server: FastAPI over the same operations as the command line. Imports operations; nothing but cli imports it."""
