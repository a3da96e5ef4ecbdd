"""One host: started in namespaces of its own, looked after, stopped."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover_lab import host_files, keys, kvm, network, topology
from drover_lab.hyperv import lab_host as hyperv
from drover_lab.process import ProcessRecord, run, wait_until, write_atomically
from drover_lab.vcenter import host as vcenter

READY_SECONDS = 60.0
HIDDEN = "/var/lib/drover"  # the controller's own files: a real host would not see them


def record_path(host: topology.LabHost) -> Path:
    return host.folder / "process.json"


def orders_path(host: topology.LabHost) -> Path:
    return host.folder / "orders.json"


def logs(host: topology.LabHost) -> Path:
    return host.folder / "logs"


def is_running(host: topology.LabHost) -> bool:
    """Whether its first process lives, in the namespace that carries its name today."""
    record = ProcessRecord.load(record_path(host))
    if record is None or not record.alive():
        return False
    children = record.children()
    if not children:
        return False
    try:
        inode = os.stat(f"/proc/{children[0].pid}/ns/net").st_ino
    except FileNotFoundError:
        return False
    return inode == network.namespace_inode(host.namespace)


def start(lab: topology.Topology, host: topology.LabHost) -> None:
    """Starts the host unless it runs; does not wait until it answers."""
    if is_running(host):
        return
    stop(host)
    logs(host).mkdir(parents=True, exist_ok=True)
    orders = orders_path(host)
    write_atomically(orders, json.dumps(_orders(lab, host), indent=2))
    command = [sys.executable, "-m", "drover_lab.launch", str(record_path(host)), host.namespace, str(orders)]
    with open(logs(host) / "init.log", "ab") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", close_fds=True
        )


def stop(host: topology.LabHost) -> None:
    """Pulls the plug of the host and everything in it. Ends only what was recorded when it was started."""
    # A launcher that has not recorded itself yet finds no orders, and starts nothing.
    orders_path(host).unlink(missing_ok=True)
    record = ProcessRecord.load(record_path(host))
    if record is not None:
        for child in record.children():
            child.kill()
        record.kill()
    record_path(host).unlink(missing_ok=True)


def wait_ready(lab: topology.Topology, host: topology.LabHost) -> None:
    """:raises RetryableError: its libvirt does not answer through SSH, or whatever else it is at all, in time."""

    def answers() -> bool:
        # The record is written by the host's own process, a moment after it was started.
        record = ProcessRecord.load(record_path(host))
        if record is not None and not record.alive():
            raise RetryableError(f"The host {host.name} ended: {_last_words(host)}", remedy="Run 'lab up' again.")
        if host.kind == topology.VSPHERE:
            return vcenter.answers(host)
        if host.kind == topology.HYPERV:
            return hyperv.answers(lab, host)
        return ssh(lab, host, ["virsh", "-q", "-c", "qemu:///system", "uri"], check=False).returncode == 0

    wait_until(f"the host {host.name} answers", answers, deadline=READY_SECONDS, interval=0.3)


def _last_words(host: topology.LabHost) -> str:
    log = logs(host) / "init.log"
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it left no word of why.")


def _orders(lab: topology.Topology, host: topology.LabHost) -> dict[str, object]:
    hidden = ["-t", "tmpfs", "-o", "size=1m,mode=755", "hidden", HIDDEN]
    if host.kind == topology.VSPHERE:
        orders = vcenter.orders(lab, host, logs(host))
    elif host.kind == topology.HYPERV:
        orders = hyperv.orders(lab, host, logs(host))
    else:
        host_files.write(lab, host)
        orders = _kvm_orders(host)
    # Last, as it covers what the other mounts come from.
    return {**orders, "mounts": [*orders["mounts"], hidden]}


def _kvm_orders(host: topology.LabHost) -> dict[str, Any]:
    folder = str(host.folder)
    size = host_files.SMALL_POOL_BYTES
    mounts = [["--bind", f"{folder}/{name}", place] for name, place in host_files.BINDS.items()]
    mounts += [["--bind", f"{folder}/{name}", place] for name, place in host_files.FILES.items()]
    mounts += [
        ["-t", "tmpfs", "-o", f"size={size},mode=755", "small", "/var/lib/libvirt/small"],
        ["-t", "tmpfs", "-o", "mode=755", "run", "/run"],
        ["-t", "sysfs", "sysfs", "/sys"],
    ]
    if kvm.DEVICE.exists() and not kvm.works():
        # So that libvirt offers what this machine can do and no more. It asks whether it may write to the file, and
        # forgets what it knows of qemu (seconds to find out) whenever the answer is not what qemu can do: only a file
        # that is read-only says no to root.
        mounts += [["--bind", f"{folder}/{host_files.NO_KVM}", "/dev/kvm"], ["-o", "remount,bind,ro", "/dev/kvm"]]
    return {
        "hostname": host.name,
        "mounts": mounts,
        "folders": ["/run/sshd", "/run/lock", "/run/libvirt"],
        # An address answers on its own network only: the isolated one must not be heard on production.
        "settings": {"/proc/sys/net/ipv4/conf/all/arp_ignore": "1", "/proc/sys/net/ipv4/ip_forward": "0"},
        "logs": str(logs(host)),
        "daemons": {
            "virtlogd": [_tool("virtlogd"), "--config", "/etc/libvirt/virtlogd.conf"],
            "libvirtd": [_tool("libvirtd"), "--config", "/etc/libvirt/libvirtd.conf"],
            "sshd": [_tool("sshd"), "-D", "-e", "-f", "/etc/ssh/sshd_config"],
        },
    }


def _tool(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise OperatorNeededError(f"The program '{name}' is not installed.", remedy="Run './drover setup'.")
    return found


def ssh_command(lab: topology.Topology, host: topology.LabHost) -> list[str]:
    """The ssh command line that logs in as root; what to run there is to be appended, quoted for a shell."""
    options = {
        "UserKnownHostsFile": keys.known_hosts(lab),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "ConnectTimeout": "10",
    }
    given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", "-i", str(keys.controller_key(lab)), *given, f"root@{host.address}"]


def ssh(
    lab: topology.Topology,
    host: topology.LabHost,
    command: list[str],
    *,
    stdin: str | None = None,
    check: bool = True,
    timeout: float = 120.0,
) -> "subprocess.CompletedProcess[bytes]":
    """Runs a command on the host, through SSH as any user would. :param timeout: seconds."""
    line = " ".join(shlex.quote(part) for part in command)
    return run([*ssh_command(lab, host), line], stdin=stdin, check=check, timeout=timeout)
