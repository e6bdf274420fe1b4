"""The rules of sql/: one object a file, named like it, in an order that works."""

from pathlib import Path

import pytest

from stage1 import resources
from stage1.database.object_files import read_bookkeeping, read_deployed
from stage1.errors import ObjectFileInvalid

VIEW = "-- A view.\n{header}create or replace view public.{name} as select 1 as one;\n"


def write(folder: Path, name: str, *, depends: str = "", text: str | None = None, area: str = "views") -> None:
    (folder / area).mkdir(exist_ok=True)
    header = f"-- depends: {depends}\n" if depends else ""
    (folder / area / f"{name}.sql").write_text(text or VIEW.format(name=name, header=header))


def test_what_others_need_comes_first(tmp_path):
    write(tmp_path, "a", depends="c")
    write(tmp_path, "b", depends="a c")
    write(tmp_path, "c", area="functions")
    assert [file.bare_name for file in read_deployed(tmp_path)] == ["c", "a", "b"]


def test_the_order_does_not_depend_on_the_disk(tmp_path):
    for name in ("z", "m", "a"):
        write(tmp_path, name)
    assert [file.bare_name for file in read_deployed(tmp_path)] == ["a", "m", "z"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("create or replace view public.other as select 1;", "creates public.other; exactly a was expected"),
        ("create view public.a as select 1;\ncreate view public.b as select 1;", "creates public.a, public.b"),
        ("select 1;", "creates nothing"),
        ("-- create view public.a as select 1;", "creates nothing"),
    ],
)
def test_one_object_a_file_named_like_it(tmp_path, text, named):
    write(tmp_path, "a", text=text)
    with pytest.raises(ObjectFileInvalid, match=named):
        read_deployed(tmp_path)


def test_a_name_of_two_files_is_refused(tmp_path):
    write(tmp_path, "a")
    write(tmp_path, "a", area="validation")
    with pytest.raises(ObjectFileInvalid, match="create the same object"):
        read_deployed(tmp_path)


def test_an_unknown_dependency_is_refused(tmp_path):
    write(tmp_path, "a", depends="nowhere")
    with pytest.raises(ObjectFileInvalid, match="depends on nowhere"):
        read_deployed(tmp_path)


def test_a_circle_is_refused_and_shown(tmp_path):
    write(tmp_path, "a", depends="b")
    write(tmp_path, "b", depends="a")
    with pytest.raises(ObjectFileInvalid, match=r"circle: .*a.*b"):
        read_deployed(tmp_path)


def test_the_projects_own_files_are_in_order():
    for files in (read_bookkeeping(resources.sql_folder()), read_deployed(resources.sql_folder())):
        seen: set[str] = set()
        for file in files:
            assert set(file.depends) <= seen, file.path
            seen.add(file.bare_name)
        assert seen
