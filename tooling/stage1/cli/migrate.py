"""`stage1 migrate`."""

from typing import TYPE_CHECKING, Any

import click

from stage1.cli.options import Application, Command, pass_application
from stage1.cli.rendering import Format, Section

if TYPE_CHECKING:
    from stage1.operations.migrate import MigrationReport


@click.command(cls=Command)
@click.option("--plan", "plan_only", is_flag=True, help="Print what would run, and change nothing; -v prints the SQL too.")
@click.option("--without-backup", is_flag=True, help="Do not back up a database that holds data before changing it.")
@click.option("--without-roles", is_flag=True, help="Leave roles, ownership and grants alone (they belong to the whole cluster).")
@pass_application
def migrate(application: Application, plan_only: bool, without_backup: bool, without_roles: bool) -> None:
    """Bring the database to the schema of this version.

    Backs up a database that holds data, applies the pending migrations, deploys functions, views and checks, and
    sets roles and grants. Run again it does nothing; killed anywhere, it is simply run again.

    \b
    Examples:
        stage1 migrate
        stage1 migrate --plan
        stage1 --database postgresql://me@db.example/stage1_trading migrate
    """
    from stage1.operations import migrate as operation

    if plan_only:
        found = operation.plan(
            application.target("existing"), application.settings, with_backup=not without_backup, with_roles=not without_roles
        )
        _show_plan(application, found)
        return
    target = application.target("create")
    report = operation.migrate(
        target, application.settings, application.say, with_backup=not without_backup, with_roles=not without_roles
    )
    _show(application, report)


def _show_plan(application: Application, steps: list[Any]) -> None:
    rows = [{"step": step.step, "name": step.name, "why": step.why} for step in steps]
    if not rows:
        application.say("nothing to do")
    if application.format is Format.TABLE and not rows:
        return
    application.show(rows)
    for step in steps:
        if step.sql:
            application.detail(f"\n-- {step.step} {step.name}\n{step.sql.rstrip()}")


def _show(application: Application, report: "MigrationReport") -> None:
    for applied in report.applied:
        for notice in applied.notices:
            application.say(f"{applied.migration}: {notice}")
    for remark in report.remarks:
        application.say(remark)
    excess = [gap for gap in report.role_gaps if gap.get("kind") == "excess"]
    missing = [gap for gap in report.role_gaps if gap not in excess]
    if missing:
        application.say(f"roles: {len(missing)} things are missing that this connection may not do. As a superuser run:")
        _say_remedies(application, missing)
        application.say("or run `stage1 migrate` once as a superuser.")
    if excess:
        application.say(f"roles: {len(excess)} things are more than stage1 needs. Each may have its reason; what takes it away:")
        _say_remedies(application, excess)
    migrations = [{"migration": row.migration, "seconds": round(row.seconds, 3)} for row in report.applied]
    objects = [{"object": row.name, "kind": row.kind, "was": row.state} for row in report.deployed]
    document = {
        "database": report.database,
        "nothing_to_do": report.nothing_to_do,
        "backup": report.backup,
        "migrations": [
            {**row, "notices": list(applied.notices)} for row, applied in zip(migrations, report.applied, strict=True)
        ],
        "objects": objects,
        "replaced": report.replaced,
        "row_counts": report.row_counts,
        "bookkeeping_changed": report.bookkeeping_changed,
        "roles_changed": report.roles_changed,
        "role_gaps": report.role_gaps,
        "remarks": report.remarks,
    }
    sections = [
        Section("backup", [{"folder": report.backup}] if report.backup else []),
        Section("migrations applied", migrations),
        Section("functions, views and checks deployed", objects),
        Section(
            "replaced; the old text is in stage1_internal.replaced_objects",
            [
                {"replaced_id": row["replaced_id"], "object": row["object_identity"], "was": row["reason"]}
                for row in report.replaced
            ],
        ),
        Section("rows in each table", report.row_counts),
    ]
    application.show_report(document, sections)
    if report.nothing_to_do:
        application.say("nothing to do: the database is up to date")
    else:
        roles = f", {report.roles_changed} gaps in roles and grants closed" if report.roles_changed else ""
        application.say(f"done: {len(migrations)} migrations applied, {len(objects)} objects deployed{roles}")


def _say_remedies(application: Application, gaps: list[dict[str, object]]) -> None:
    for gap in gaps:
        application.say(f"  {gap['remedy']};   -- {gap['subject']} {gap['gap']}")
