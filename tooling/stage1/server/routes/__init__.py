"""The routes of the REST server, one subject a file."""
