"""Names the plugins; each of them owns its fixtures, options and lines of the header."""

pytest_plugins = (
    "tests.plugins.postgres_server",
    "tests.plugins.databases",
    "tests.plugins.command_line",
    "tests.plugins.served",
    "tests.plugins.node",
    "tests.plugins.locks",
    "tests.plugins.package_copies",
    "tests.plugins.own_servers",
    "tests.plugins.wrapped_programs",
    "tests.plugins.vendor",
)
