"""Disks of a machine that is off: `qemu-nbd` on the host, on a unix socket in a folder that only root can enter.

    /run/drover/<machine uuid>-<disk>.sock    the export
    /run/drover/<machine uuid>-<disk>.pid     who serves it

Names depend on machine and disk alone, so a retry finds what a killed try left: it ends that process, after making
sure that the recorded pid is this very qemu-nbd, and begins anew. Image locks stay on: while we write, nobody
can start the machine.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt.connection import Connection
from drover.model import Disk, VirtualMachine

FOLDER = "/run/drover"
# How many connections may be open to one export at a time.
SHARED = 16

# A server keeps the stream for its errors, and with it the whole channel open, so that stream is a file.
_START = """
umask 077; mkdir -p "$1"; log=$(mktemp "$1/XXXXXX"); shift
"$@" </dev/null >/dev/null 2>"$log"; status=$?
cat "$log" >&2; rm -f "$log"; exit $status
"""
# $1: path without its ending. A process is ours if it is a qemu-nbd that was given this socket.
_STOP = """
pid=$(cat "$1.pid" 2>/dev/null)
ours() { [ -n "$pid" ] && tr '\\0' '\\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -e "--socket=$1.sock"; }
n=0
while ours "$1"; do
  [ $n -eq 0 ] && kill "$pid"
  [ $n -eq 300 ] && kill -9 "$pid"
  [ $n -ge 400 ] && exit 1
  n=$((n+1)); sleep 0.1
done
rm -f -- "$1.pid" "$1.sock"
"""


def start(connection: Connection, machine: VirtualMachine, disk: Disk, *, read_only: bool) -> str:
    """Serves the image and returns the unix socket on the host; the export's name is the disk's.

    :raises OperatorNeededError: the image is not there, or is in use.
    """
    stop(connection, machine, disk)
    base = _base(machine, disk)
    argv = ["qemu-nbd", "--fork", "--persistent", f"--shared={SHARED}", f"--socket={base}.sock"]
    argv += [f"--pid-file={base}.pid", f"--export-name={disk.name}", f"--format={disk.format.value}"]
    # Zeroes that arrive become holes, as they were; the mover's flush makes the rest durable.
    argv += ["--read-only"] if read_only else ["--cache=writeback", "--discard=unmap", "--detect-zeroes=unmap"]
    done = connection.ssh.run(["sh", "-c", _START, "sh", FOLDER, *argv, disk.path])
    if done.status != 0:
        said = " ".join(done.err.split())
        raise OperatorNeededError(
            f"Disk {disk.name} of machine '{machine.name}' cannot be opened on {connection.name}: {said}.",
            remedy="See whether the image is there and whether another program holds it.",
        )
    return f"{base}.sock"


def stop(connection: Connection, machine: VirtualMachine, disk: Disk) -> None:
    """Ends the export, what was written being flushed; does nothing where there is none."""
    connection.ssh.check(["sh", "-c", _STOP, "sh", _base(machine, disk)])


def _base(machine: VirtualMachine, disk: Disk) -> str:
    return f"{FOLDER}/{machine.uuid}-{disk.name}"
