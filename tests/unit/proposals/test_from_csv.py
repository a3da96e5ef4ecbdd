"""Tables of one's own: encodings, separators, units, and every mistake with its line."""

from pathlib import Path

import pytest

from drover.cli import main
from drover.errors import BadInputError
from drover.proposals.csv_machines import read
from drover.waves.loader import load
from drover.waves.schema import Wave

FILLED = ["--source", "old", "--target", "new", "--backup-folder", "/backups"]


def propose(tmp_path: Path, text: str | bytes, *options: str, code: int = 0) -> list[Wave]:
    path, folder = tmp_path / "list.csv", tmp_path / "waves"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["wave", "from-csv", str(path), "-o", str(folder), *FILLED, *options]) == code
    return [load(file) for file in sorted(folder.glob("*.yaml"))]


def names(wave: Wave) -> list[str]:
    return [machine.name for machine in wave.machines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_usual_kind_of_csv_is_read(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["name", "application", "size GiB"], ["Köln", "shop", "40"], ['a "b"', "shop", "1"]]
    lines = [separator.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows]
    path = tmp_path / "list.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    found = read(path, None)
    assert [(each.name, each.group, each.size) for each in found] == [
        ("Köln", "shop", 40 * 2**30),
        ('a "b"', "shop", 2**30),
    ]


def test_what_is_needed_goes_first_also_over_waves(tmp_path: Path) -> None:
    table = "name;application;depends\nweb;shop;app\napp;shop;db|ldap\ndb;shop;\nldap;base;\nmail;base;\n"
    base, shop = propose(tmp_path, table)
    assert (names(base), names(shop)) == (["ldap", "mail"], ["db", "app", "web"])
    assert {machine.name: machine.after for machine in shop.machines} == {"db": (), "app": ("db",), "web": ("app",)}
    text = (tmp_path / "waves" / "02-shop.yaml").read_text()
    assert '# It needs "ldap": run the wave 01-base before this one.' in text


def test_columns_that_nobody_reads_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    propose(tmp_path, "Name,owner,Size GiB,Depends on,disks,Host\nweb,shop,40,,10,h1\n", "--by", "owner")
    assert "Not read: 'disks'; see docs/wave-file.md.\n" in capsys.readouterr().out
    (tmp_path / "two").mkdir()
    propose(tmp_path / "two", "name,state\nweb,on\n")
    assert "Not read" not in capsys.readouterr().out


def test_groups_that_need_each_other_are_parted(tmp_path: Path) -> None:
    table = "name,application,depends\na1,a,\na2,a,b1\nb1,b,a1\nb2,b,\n"
    assert [names(wave) for wave in propose(tmp_path, table)] == [["a1"], ["b1", "b2"], ["a2"]]


def test_waves_are_no_larger_than_asked(tmp_path: Path) -> None:
    table = "name,size\n" + "".join(f"m{number},{size} GiB\n" for number, size in enumerate((10, 10, 10, 90, 10)))
    waves = propose(tmp_path, table, "--max-machines", "2", "--max-size", "50 GiB")
    assert [names(wave) for wave in waves] == [["m0", "m1"], ["m2"], ["m3"], ["m4"]]


def test_what_runs_may_move_live_between_hypervisors_of_one_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OLD", "NEW"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", '{"conn_type": "libvirt", "host": "kvm"}')
    (wave,) = propose(tmp_path, "name,state,strategy\na,running,\nb,off,\nc,,\nd,running,cold\n")
    assert {one.name: one.strategy.value for one in wave.machines} == {
        "a": "live",
        "b": "cold",
        "c": "cold",
        "d": "cold",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("name\n", "has no machine in it"),
        ("host,cpu\nx,1\n", "line 1: there is no column 'name' or 'machine' or 'vm'"),
        ("name,Name\nx,y\n", "line 1: the column 'Name' is there twice"),
        ("name\nx\n\nx\n", "line 4, column 'name': the machine 'x' is in line 2 too"),
        ("name,depends\nx,y\n", "line 2, column 'depends': no line has the machine 'y'"),
        ("name,depends\nx,x\n", "line 2, column 'depends': the machine 'x' needs itself"),
        ("name,size\nx,40\n", "line 2, column 'size': '40' has no unit"),
        ("name,size GiB\nx,1.024\n", "line 2, column 'size GiB': '1.024' may be 1024 or 1.024"),
        ("name,state\nx,paused\n", "line 2, column 'state': 'paused' is neither 'running' nor 'off'"),
        ("name,strategy\nx,hot\n", "line 2, column 'strategy': 'hot' is neither 'cold' nor 'live'"),
        ("name\na/b\n", "line 2, column 'name': the name 'a/b' has a slash in it"),
        ("name,size\nx,1 GiB,3\n", "line 2: it has 3 cells, and the head has 2"),
        ('name\n"x\n', "line 2: unexpected end of data"),
        (b"name\nx\nK\xf6ln\n", "line 3, byte 2: the byte 0xf6 is not UTF-8"),
        (b"name\nx\0\n", "line 2: a NUL"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInputError) as raised:
        read(path, None)
    assert told in raised.value.message
    assert str(path) in raised.value.message


def test_needs_in_a_circle_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert propose(tmp_path, "name,depends\nx,y\ny,x\n", code=2) == []
    assert "line 2: 'x' needs 'y' needs 'x': nothing of this can go first." in capsys.readouterr().err


def test_a_group_that_there_is_not_and_a_size_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert propose(tmp_path, "name\nx\n", "--by", "tier", code=2) == []
    assert "there is no column 'tier'.\nIts columns are 'name'." in capsys.readouterr().err
    assert propose(tmp_path, "name\nx\n", "--max-size", "2", code=2) == []
    assert "--max-size: '2' has no unit" in capsys.readouterr().err


def test_a_source_by_a_place_that_the_table_does_not_have_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propose(tmp_path, "name\nx\n", "--source", "vc=old", code=2) == []
    told = capsys.readouterr().err
    assert "--source: there is no 'vc' in the list.\nThe list names none; write --source CONNECTION." in told
