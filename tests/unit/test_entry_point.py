"""The bash script at the root: what it refuses before anything is changed, and how it finds itself and its set-up.

The machine is made unfit for real where that can be done in a mount namespace or by dropping a capability. The
virtual environment is a stand-in, because building one takes half a minute; tests/e2e/ builds a real one.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drover.cli import command_modules

ROOT = Path(__file__).parents[2]
FILES = [
    "drover",
    "pyproject.toml",
    "requirements.txt",
    "requirements-setup.txt",
    "packages.debian.txt",
    "lab/packages.debian.txt",
    "tests/packages.debian.txt",
]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make the machine unfit in a namespace")

PYTHON_STUB = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$*" in
    *sysconfig*) dirname "$0" ;;
    *"-m drover"*) printf '%s\\n' "$PWD"; for word in "$@"; do printf '<%s>' "$word"; done ;;
esac
"""


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of what the script reads, below a path with a space that anybody may read."""
    with tempfile.TemporaryDirectory(prefix="drover entry ") as folder:
        root = Path(folder) / "a clone"
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        # Whether they are installed here is not what is tested.
        for name in FILES[4:]:
            (root / name).write_text("# the shell\ndash  # is always there\n")
        Path(folder).chmod(0o755)
        yield root


@pytest.fixture
def prepared(clone: Path) -> Path:
    """The same with a stand-in for a virtual environment, made its own by a first set-up."""
    for name, text in {"python": PYTHON_STUB, "uv": "#!/bin/sh\n"}.items():
        tool = clone / ".venv/bin" / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(text)
        tool.chmod(0o755)
    assert run([clone / "drover", "test"]).returncode == 0
    (clone / ".venv/bin/calls").unlink()
    return clone


def run(command: list[str | Path], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


def in_mount_namespace(script: str, *arguments: str | Path) -> list[str | Path]:
    return ["unshare", "--mount", "bash", "-ec", script, "bash", *arguments]


def assert_refused(result: subprocess.CompletedProcess[str], clone: Path, *words: str) -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr
    assert not (clone / ".venv").exists()
    assert not (clone / ".drover").exists()


@pytest.mark.parametrize("command", ["setup", "test", "lab", "demo"])
def test_without_root(clone: Path, command: str) -> None:
    assert_refused(run([*NOBODY, clone / "drover", command]), clone, "needs root", "sudo")


def test_without_root_a_missing_package_is_named(clone: Path) -> None:
    (clone / "packages.debian.txt").write_text("dash\ndrover-has-no-such-package\n")
    assert_refused(run([*NOBODY, clone / "drover", "verify"]), clone, "(drover-has-no-such-package)", "sudo")


def test_without_root_in_a_folder_of_another(clone: Path) -> None:
    assert_refused(run([*NOBODY, clone / "drover", "verify"]), clone, "may not write", str(clone))


def test_another_distribution(clone: Path) -> None:
    release = clone / "os-release"
    release.write_text("ID=fedora\nVERSION_ID=43\n")
    script = 'mount --bind "$1" /etc/os-release; exec "$2" verify'
    assert_refused(run(in_mount_namespace(script, release, clone / "drover")), clone, "Debian or Ubuntu")


def test_a_derivative_of_ubuntu_is_taken(prepared: Path) -> None:
    release = prepared / "os-release"
    release.write_text('ID=linuxmint\nID_LIKE="ubuntu debian"\n')
    (prepared / ".drover/venv.stamp").unlink()
    script = 'mount --bind "$1" /etc/os-release; exec "$2" verify'
    result = run(in_mount_namespace(script, release, prepared / "drover"))
    assert "another distribution" not in result.stderr


def test_python_too_old(clone: Path) -> None:
    old = clone / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    script = 'mount --bind "$1" /usr/bin/python3; exec "$2" verify'
    assert_refused(run(in_mount_namespace(script, old, clone / "drover")), clone, "Python 3.11", "/usr/bin/python3")


@pytest.mark.parametrize("command", ["setup", "lab"])
def test_namespaces_forbidden(clone: Path, command: str) -> None:
    weak = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    assert_refused(run([*weak, clone / "drover", command]), clone, "namespaces", "--privileged")


def test_help_is_there_before_set_up(clone: Path) -> None:
    result = run([clone / "drover"])
    assert result.returncode == 0
    assert result.stderr == ""
    assert not (clone / ".drover").exists()
    for command in ("setup", "test", *command_modules()):
        assert f"./drover {command} " in result.stdout


def test_set_up_is_not_begun_where_its_help_is_asked_for_or_it_is_mistyped(clone: Path) -> None:
    told = run([clone / "drover", "setup", "--help"])
    assert (told.returncode, told.stderr) == (0, "")
    assert "./drover setup" in told.stdout
    assert_refused(run([clone / "drover", "setup", "--exit"]), clone, "'--exit'", "./drover setup")
    assert not (clone / ".drover").exists()


def test_arguments_and_folder_reach_the_command(prepared: Path, tmp_path: Path) -> None:
    link = tmp_path / "drover link"
    link.symlink_to(prepared / "drover")
    result = run([link, "verify", "a b", "", "*"], cwd=tmp_path)
    assert result.stderr == ""
    assert result.stdout == f"{tmp_path}\n<-P><-m><drover><verify><a b><><*>"


def test_nothing_is_done_twice_and_it_is_quick(prepared: Path) -> None:
    before = os.times()
    for _ in range(5):
        assert run([prepared / "drover", "verify"]).stderr == ""
    after = os.times()
    assert (prepared / ".venv/bin/calls").read_text() == "-P -m drover verify\n" * 5
    # Processor time, not the clock's: other tests may keep the machine busy.
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used / 5 < 0.1


def test_anybody_may_use_what_root_set_up(prepared: Path) -> None:
    (prepared / ".venv/bin/calls").touch(0o666)
    (prepared / ".venv/bin/calls").chmod(0o666)
    result = run([*NOBODY, prepared / "drover", "verify"])
    assert result.returncode == 0
    assert "<verify>" in result.stdout


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-setup.txt", "pyproject.toml", "drover"])
def test_a_changed_file_brings_set_up_back(prepared: Path, name: str) -> None:
    with (prepared / name).open("a") as file:
        file.write("\n# changed\n")
    result = run([prepared / "drover", "verify"])
    assert "installing the locked Python packages" in result.stderr
    assert run([prepared / "drover", "verify"]).stderr == ""


def test_a_changed_list_of_packages_is_looked_at(prepared: Path) -> None:
    (prepared / "lab/packages.debian.txt").write_text("bash\n")
    assert run([prepared / "drover", "verify"]).stderr == ""
    result = run([prepared / "drover", "lab"])
    assert "trying what was installed" in result.stderr
    assert "Python packages" not in result.stderr
    assert run([prepared / "drover", "lab"]).stderr == ""


@pytest.mark.parametrize("words", [["lab", "--help"], ["demo", "--help"], ["lab", "up", "--help"]])
def test_help_of_a_command_needs_no_lab(prepared: Path, words: list[str]) -> None:
    (prepared / "lab/packages.debian.txt").write_text("drover-has-no-such-package\n")
    (prepared / ".venv/bin/calls").touch()
    (prepared / ".venv/bin/calls").chmod(0o666)
    result = run([*NOBODY, prepared / "drover", *words])
    assert result.stderr == ""
    assert "<--help>" in result.stdout


def test_a_half_made_environment_is_made_anew(prepared: Path) -> None:
    (prepared / ".drover/venv.stamp").unlink()
    (prepared / ".drover/venv.incomplete").touch()
    (prepared / "requirements-setup.txt").write_text("")
    result = run([prepared / "drover", "verify"])
    assert "making a virtual environment" in result.stderr
    assert (prepared / ".venv/pyvenv.cfg").exists()
    # There is no uv in it, so it ends here, plainly, and does not call itself finished.
    assert result.returncode == 2
    assert "Set-up stopped at" in result.stderr
    assert not (prepared / ".drover/venv.stamp").exists()


def with_apt(clone: Path, apt: str, script: str) -> list[str | Path]:
    """Runs the script where one package is missing, apt-get is this, and /usr/sbin is empty."""
    (clone / "packages.debian.txt").write_text("dash\ndrover-has-no-such-package\n")
    stubs = clone / "stubs"
    stubs.mkdir()
    for name, text in {"apt-get": apt, "dpkg": "exit 0\n"}.items():
        (stubs / name).write_text(f"#!/bin/sh\n{text}")
        (stubs / name).chmod(0o755)
    prepare = 'mount -t tmpfs none /usr/sbin; PATH="$1:$PATH"; cd "$2"; '
    return in_mount_namespace(prepare + script, stubs, clone)


def test_services_do_not_start_while_packages_are_installed(clone: Path) -> None:
    apt = "ls /usr/sbin > during; sh /usr/sbin/policy-rc.d; echo $? >> during; exit 1\n"
    result = run(with_apt(clone, apt, "./drover verify || { echo $?; ls /usr/sbin; }"))
    assert result.stdout == "2\n"
    assert "Set-up stopped at 'installing Debian packages: drover-has-no-such-package'" in result.stderr
    assert (clone / "during").read_text() == "policy-rc.d\n101\n"


def test_the_policy_outlives_a_killed_script_as_long_as_apt_runs(clone: Path) -> None:
    apt = "echo $$ > pid; while ! [ -e go ]; do sleep 0.05; done; ls /usr/sbin > during\n"
    script = (
        "./drover verify & until [ -s pid ]; do sleep 0.05; done; kill -9 $!; wait $! || true; touch go; "
        "until [ -e during ]; do sleep 0.05; done; "
        "for _ in $(seq 100); do [ -e /usr/sbin/policy-rc.d ] || exit 0; sleep 0.05; done; exit 1"
    )
    result = run(with_apt(clone, apt, script))
    assert result.returncode == 0, result.stderr
    assert (clone / "during").read_text() == "policy-rc.d\n"


def test_a_policy_of_the_owner_stands(clone: Path) -> None:
    script = "echo mine > /usr/sbin/policy-rc.d; ./drover verify || cat /usr/sbin/policy-rc.d"
    result = run(with_apt(clone, "cat /usr/sbin/policy-rc.d > during; exit 1\n", script))
    assert (clone / "during").read_text() == "mine\n"
    assert result.stdout == "mine\n"


def test_an_interrupted_set_up_ends_at_once_and_leaves_no_policy(clone: Path) -> None:
    script = '{ ./drover verify || true; }; until [ -z "$(ls /usr/sbin)" ]; do sleep 0.05; done; touch after'
    command = with_apt(clone, "touch begun; sleep 30\n", "trap : INT; " + script)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        wait_for(clone / "begun")
        os.killpg(process.pid, signal.SIGINT)
        wait_for(clone / "after")
        assert process.wait(10) == 0


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)
