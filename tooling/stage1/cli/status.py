"""`stage1 status`."""

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.cli.rendering import Section, Verbosity
from stage1.errors import ExitCode


@click.command(cls=Command)
@pass_application
def status(application: Application) -> None:
    """Answer whether all is well: migrations, objects, roles, checks, backups, disk.

    Exits with 1 when anything is not well. -v lists every migration and object, not only those that need somebody.

    \b
    Examples:
        stage1 status
        stage1 status --format json
    """
    from stage1.operations.status import status as operation

    report = operation(application.target(), application.settings)
    everything = application.verbosity is Verbosity.VERBOSE
    lines = [{"area": row.area, "state": row.state, "detail": row.detail, "action": row.action} for row in report.lines]
    history = [{"migration": row.migration, "state": row.state, "applied_at": row.applied_at} for row in report.history]
    objects = [{"object": row.name, "kind": row.kind, "state": row.state} for row in report.objects]
    document = {
        "database": report.database,
        "server": report.server,
        "well": report.is_well,
        "lines": lines,
        "migrations": history,
        "objects": objects,
        "role_gaps": report.role_gaps,
        "findings": report.findings,
    }
    # Without its schema a database has none of them: one line says so.
    none_yet = all(row["state"] == "pending" for row in objects)
    sections = [
        Section(f"{report.database}, {report.server}", lines),
        Section("migrations", [row for row in history if everything or row["state"] != "applied"]),
        Section("objects", [row for row in objects if everything or not (none_yet or row["state"] == "current")]),
        Section("findings", report.findings),
    ]
    application.show_report(document, sections)
    if not report.is_well:
        application.exit_code = ExitCode.ANSWER_IS_NO
