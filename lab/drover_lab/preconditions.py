"""What the lab needs of the machine it is built on, asked before anything is changed."""

import os
import shutil

from drover.errors import OperatorNeededError
from drover_lab.process import run

TOOLS = (
    *("apt-cache", "apt-get", "busybox", "cpio", "cp", "dd", "depmod", "dpkg", "ip", "libvirtd", "mcopy", "mke2fs"),
    *("mkfs.fat", "mmd", "mount", "nsenter", "qemu-img", "qemu-system-x86_64", "sfdisk", "ssh", "ssh-keygen", "sshd"),
    *("smbd", "smbpasswd", "syslinux", "grub-mkimage", "tc", "timeout", "unshare", "virsh", "virtlogd"),
)
# Each is tried in namespaces of its own, which end with it.
_TRIALS = (
    ("namespaces", ["unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--fork", "--mount-proc", "true"]),
    ("virtual Ethernet pairs", ["unshare", "--net", "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"]),
    ("bridges", ["unshare", "--net", "ip", "link", "add", "one", "type", "bridge"]),
    (
        "the traffic limiter tbf",
        ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "tbf"]
        + ["rate", "1mbit", "burst", "10kb", "latency", "50ms"],
    ),
)


def check() -> None:
    """:raises OperatorNeededError: something is missing; one sentence says what."""
    check_root()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise OperatorNeededError(
            f"The lab needs programs that are not installed: {', '.join(missing)}.",
            remedy="Run './drover setup', which installs them.",
        )
    for what, trial in _TRIALS:
        if run(trial, check=False).returncode != 0:
            raise OperatorNeededError(
                f"This machine does not allow {what}, which the lab is built from.",
                remedy="Use a machine or a virtual machine of your own rather than a container without privileges.",
            )


def check_root() -> None:
    """:raises OperatorNeededError: we are not root."""
    if os.geteuid() != 0:
        raise OperatorNeededError(
            "The lab builds networks and hosts, and only root may do that.",
            remedy="Run it as root, for instance with sudo.",
        )
