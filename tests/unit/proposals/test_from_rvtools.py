"""RVTools exports become wave files that `wave check` takes: what blocks, what is told apart, what stays open."""

import json
from pathlib import Path
from typing import Any

import pytest
from exports import CD, DISK, INFO, NIC, SNAPSHOT, TOOLS, USB, disk, export, info

from drover.cli import main
from drover.errors import BadInputError
from drover.proposals.rvtools import read
from drover.waves.loader import load
from drover.waves.mistakes import WaveFileError

FILLED = ["--source", "vc_old", "--target", "kvm_new", "--backup-folder", "/backups"]
MAPPED = ["--network", "VM Network=production", "--storage", "ds1=default"]


def propose(path: Path, *options: str, code: int = 0) -> list[Path]:
    folder = path.parent / "waves"
    assert main(["wave", "from-rvtools", str(path), "-o", str(folder), *options]) == code
    return sorted(folder.glob("*")) if folder.exists() else []


def left_out(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[str]]:
    capsys.readouterr()
    propose(path, "--json", *options)
    told = json.loads(capsys.readouterr().out)
    return {one["name"]: [reason["id"] for reason in one["reasons"]] for one in told["left_out"]}


def test_what_is_known_is_filled_in_and_the_file_is_right(tmp_path: Path) -> None:
    path = export(tmp_path / "x.xlsx", [info("web"), info('Köln "1" #', Powerstate="poweredOff")])
    (file,) = propose(path, *FILLED, *MAPPED)
    wave = load(file)
    assert (wave.wave, wave.source, wave.target, wave.backup.folder) == ("01-prod", "vc_old", "kvm_new", "/backups")
    assert [machine.name for machine in wave.machines] == ['Köln "1" #', "web"]
    assert (wave.mappings.networks, wave.mappings.storage) == ({"VM Network": "production"}, {"ds1": "default"})


def test_what_is_not_known_stays_open_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    (file,) = propose(export(tmp_path / "x.xlsx", [info("web")]))
    with pytest.raises(WaveFileError) as raised:
        load(file)
    assert [mistake.place for mistake in raised.value.mistakes] == [
        "source",
        "target",
        "mappings.networks.VM Network",
        "mappings.storage.ds1",
        "backup.folder",
    ]
    assert all(mistake.problem.endswith(("has no value", "is missing")) for mistake in raised.value.mistakes)


ODD: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("template", {"Template": True}, {}, "machine.template"),
    ("placeholder", {"SRM Placeholder": "True"}, {}, ""),
    ("vCLS (1)", {}, {}, ""),
    ("suspended", {"Powerstate": "suspended"}, {}, "machine.power_state"),
    ("twin", {"FT State": "running"}, {}, "machine.fault_tolerant"),
    ("torn", {"Consolidation Needed": "True"}, {}, "machine.consolidation"),
    ("orphan", {"Connection state": "orphaned"}, {}, "machine.unreachable"),
    ("rdm", {}, {"vDisk": disk("rdm", Raw=True)}, "disk.raw_mapping"),
    ("apart", {}, {"vDisk": disk("apart", **{"Disk Mode": "independent_persistent"})}, "disk.independent"),
    ("writers", {}, {"vDisk": disk("writers", **{"Sharing mode": "sharingMultiWriter"})}, "disk.shared"),
    ("one", {}, {"vDisk": disk("one", **{"Disk Path": "[ds1] same.vmdk"})}, "disk.shared"),
    ("two", {}, {"vDisk": disk("two", **{"Disk Path": "[ds1] same.vmdk"})}, "disk.shared"),
    ("cd", {}, {"vCD": CD | {"VM": "cd", "Connected": True}}, "device.media"),
    ("dongle", {}, {"vUSB": USB | {"VM": "dongle"}}, "device.passthrough"),
    ("deaf", {}, {"vTools": TOOLS | {"VM": "deaf", "Tools": "toolsNotRunning"}}, "guest.tools"),
]


def test_what_blocks_is_left_out_with_the_concern(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machines = [info("good"), *(info(name, **cells) for name, cells, _, _ in ODD)]
    sheets = {
        sheet: [rows[sheet] for _, _, rows, _ in ODD if sheet in rows]
        + [usual | {"VM": name} for name, _, rows, _ in ODD if sheet not in rows and usual]
        for sheet, usual in (("vDisk", {}), ("vCD", {}), ("vUSB", {}), ("vTools", TOOLS))
    }
    sheets["vTools"].append(TOOLS | {"VM": "good"})
    path = export(tmp_path / "x.xlsx", machines, **sheets)
    assert left_out(path, capsys) == {name: [concern] for name, _, _, concern in ODD}
    (file,) = (tmp_path / "waves").glob("*.yaml")
    text = file.read_text()
    assert f"# Left out until somebody has mended them: {len(ODD)}" in text
    assert "#   - name: \"rdm\"\n#       disk.raw_mapping: Disk Hard disk 1 of 'rdm' stands for a LUN" in text
    assert text.count("- name:") == 1 + len(ODD)


def test_of_a_machine_that_is_off_less_blocks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = info("odd", Powerstate="poweredOff")
    sheets = {
        "vDisk": [disk("odd", **{"Disk Mode": "independent_persistent"})],
        "vTools": [TOOLS | {"VM": "odd", "Tools": "toolsNotInstalled"}],
        "vSnapshot": [SNAPSHOT | {"VM": "odd"}],
    }
    path = export(tmp_path / "x.xlsx", [machine], **sheets)
    assert left_out(path, capsys) == {}
    text = next((tmp_path / "waves").glob("*.yaml")).read_text()
    assert "# disk.independent (Warning): " in text
    assert "# machine.snapshots (Warning): " in text
    assert "strategy: cold" in text


def test_live_is_proposed_where_the_target_is_of_the_same_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_VC_NEW", '{"conn_type": "vsphere", "host": "vc2"}')
    monkeypatch.setenv("AIRFLOW_CONN_KVM_NEW", '{"conn_type": "libvirt", "host": "kvm"}')
    machines = [info("off", Powerstate="poweredOff"), info("on"), info("snapped")]
    path = export(tmp_path / "x.xlsx", machines, vSnapshot=[SNAPSHOT | {"VM": "snapped"}])
    common = ["--source", "vc_old", "--backup-folder", "/backups", *MAPPED]
    (file,) = propose(path, "--target", "vc_new", *common)
    assert {one.name: one.strategy.value for one in load(file).machines} == {
        "off": "cold",
        "on": "live",
        "snapped": "cold",
    }
    file.unlink()
    (file,) = propose(path, "--target", "kvm_new", *common)
    assert {one.strategy.value for one in load(file).machines} == {"cold"}


def test_several_vcenters_never_share_a_wave(tmp_path: Path) -> None:
    other = {"VI SDK Server": "vc2.example.com"}
    path = export(tmp_path / "x.xlsx", [info("web"), info("web", **other), info("db", **other)])
    sources = ["--source", "vc1.example.com=vc_a", "--source", "vc2.example.com=vc_b"]
    files = propose(path, *sources, *FILLED[2:], *MAPPED)
    assert [file.name for file in files] == ["01-vc1-prod.yaml", "02-vc2-prod.yaml"]
    waves = [load(file) for file in files]
    assert [(wave.source, [one.name for one in wave.machines]) for wave in waves] == [
        ("vc_a", ["web"]),
        ("vc_b", ["db", "web"]),
    ]


def test_two_of_one_name_in_a_vcenter_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(tmp_path / "x.xlsx", [info("web"), info("web", **{"VM ID": "vm-2"}), info("db")])
    assert left_out(path, capsys) == {"web": ["machine.ambiguous"]}


def test_columns_of_version_3_and_one_line_for_a_missing_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = {"In Use MiB": "In Use MB", "Provisioned MiB": "Provisioned MB"}
    machine = {old.get(k, k): v for k, v in info("web").items() if k not in ("Total disk capacity MiB", "Depends")}
    drive = {"VM": "web", "Disk": "Hard disk 1", "Capacity MB": "10.240", "Raw": "False", "Disk Mode": "persistent",
             "Path": "[old ds] web/web.vmdk"}  # fmt: skip
    path = export(tmp_path / "x.xlsx", [machine], without=("vTools", "vUSB", "vCD"), vDisk=[drive])
    (file,) = propose(path)
    assert "10.0 GiB of disks, 5.0 GiB in use" in file.read_text()
    assert '"old ds":' in file.read_text()
    assert "# The list has no sheet vTools: nothing is known of guest tools." in file.read_text()
    assert "The export has no sheet vTools: nothing is known of guest tools." in capsys.readouterr().out


def test_nothing_is_overwritten_and_the_same_again_is_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "x.xlsx", [info("web"), info("db", Cluster="Db")])
    first, second = propose(path)
    assert propose(path) == [first, second]
    second.write_text("# mine\n")
    first.unlink()
    capsys.readouterr()
    assert propose(path, code=2) == [second]
    assert f"{second} is there already, and nothing is overwritten." in capsys.readouterr().err
    assert second.read_text() == "# mine\n"


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    machines = [info(name, Cluster=cluster) for name, cluster in (("b", "Two"), ("a", "Two"), ("C", "One"))]
    texts = []
    for rows in (machines, machines[::-1]):
        files = propose(export(tmp_path / "x.xlsx", rows))
        texts.append([file.read_text() for file in files])
        for file in files:
            file.unlink()
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("machines", "sheets", "told"),
    [
        ([], {}, "has no sheet 'vInfo', or an empty one"),
        ([{"VM": "x", "Powerstate": "poweredOn"}], {}, "sheet vInfo, line 1: there is no column 'Template'"),
        ([info("x", CPUs="=1+1")], {}, "sheet vInfo, line 2, column 'CPUs': it holds a formula"),
        ([info("x", CPUs="two")], {}, "sheet vInfo, line 2, column 'CPUs': 'two' is no number"),
        ([info("x", Template="maybe")], {}, "line 2, column 'Template': 'maybe' is neither true nor false"),
        ([info("y"), info("x", Depends="z")], {}, "line 3, column 'Depends': no line has the machine 'z'"),
        ([info("x"), info("y"), info("x")], {}, "line 4, column 'VM': the machine 'x' (vm-x) is in line 2 too"),
        ([info("x")], {"vDisk": [DISK | {"VM": "x", "Capacity MiB": "ten"}]}, "sheet vDisk, line 2, column 'Cap"),
        ([info("x")], {"vNetwork": [{"Network": "n"}]}, "sheet vNetwork, line 1: there is no column 'VM'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, machines: Any, sheets: Any, told: str) -> None:
    path = tmp_path / "x.xlsx"
    if machines and set(machines[0]) >= set(INFO):
        export(path, machines, **sheets)
    else:
        export(path, [info("x")], vInfo=machines, without=() if machines else ("vInfo",))
    with pytest.raises(BadInputError) as raised:
        read(path, "Cluster")
    assert told in raised.value.message
    assert str(path) in raised.value.message


def test_where_nothing_can_be_moved_the_first_reason_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path / "x.xlsx", [info("x", Template=True)])
    assert propose(path, code=2) == []
    assert f"{path}: none of its machines can be moved as it is. The first: 'x'." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is no zip archive"),
        (b"VM,Powerstate\nweb,poweredOn\n", "it is no zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old .xls file"),
        (b"PK\x05\x06" + b"\0" * 18, "it breaks off inside"),
    ],
)
def test_what_is_no_xlsx_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=told):
        read(path, "Cluster")


def test_a_column_of_anybodys_groups_the_machines(tmp_path: Path) -> None:
    path = export(tmp_path / "x.xlsx", [info("a", Folder="Shop"), info("b", Folder="Über uns"), info("c")])
    assert [file.stem for file in propose(path, "--by", "folder")] == ["01", "02-shop", "03-uber-uns"]
    assert NIC["Network"] in next((tmp_path / "waves").glob("*")).read_text()
