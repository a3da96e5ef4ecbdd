"""Whether a host can give a machine the CPU that its definition asks for: libvirt's own comparison, before any start.

libvirt does the same when it starts the machine, and refuses; then the source is down already.
"""

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from drover.hypervisors.border import one_line
from drover.hypervisors.libvirt.connection import Connection

if TYPE_CHECKING:
    import libvirt

# It has next to no features, so that only those count that the machine asks for beside a model of the host's own.
_NEXT_TO_NOTHING = "pentium"


def words(connection: Connection, root: ET.Element) -> tuple[str, ...]:
    """`cpu-missing <what>` where the host lacks something, `cpu-not-compared <why>` where nobody can tell.

    :param root: the definition. :raises RetryableError: the host does not answer any more.
    """
    import libvirt

    wanted, system = _wanted(root.find("cpu")), root.find("os/type")
    if wanted is None:
        return ()
    arch, board = (system.get(key) if system is not None else None for key in ("arch", "machine"))
    with connection.errors():
        try:
            result = _compare(connection.libvirt, wanted, arch, board, root.get("type"))
        except libvirt.libvirtError as error:
            if error.get_error_domain() == libvirt.VIR_FROM_RPC:
                raise
            said = one_line(error.get_error_message())
            if error.get_error_code() == libvirt.VIR_ERR_CPU_INCOMPATIBLE:
                return (f"cpu-missing {said.rpartition('required features: ')[2]}",)
            return (f"cpu-not-compared {said}",)
    if result in (libvirt.VIR_CPU_COMPARE_IDENTICAL, libvirt.VIR_CPU_COMPARE_SUPERSET):
        return ()
    return ("cpu-missing its model",) if result == libvirt.VIR_CPU_COMPARE_INCOMPATIBLE else ("cpu-not-compared",)


def _compare(virt: "libvirt.virConnect", wanted: str, arch: str | None, board: str | None, kind: str | None) -> int:
    """With the CPU that the hypervisor can give; where libvirt is too old for that, with the host's own."""
    import libvirt

    flags = libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE
    try:
        return int(virt.compareHypervisorCPU(None, arch, board, kind, wanted, flags))
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
        return int(virt.compareCPU(wanted, flags))


def _wanted(cpu: ET.Element | None) -> str | None:
    """What the machine asks of a host, as XML for libvirt; None where it takes what there is."""
    # With `none` libvirt starts it whatever is missing. It writes that for itself where nobody named a CPU, beside a
    # model of QEMU's own, of which hosts of one maker or the other lack something.
    if cpu is None or cpu.get("check") == "none":
        return None
    asked = [one for one in cpu.findall("feature") if one.get("policy", "require") in ("require", "forbid")]
    named = cpu.find("model") if cpu.get("mode", "custom") == "custom" else None
    if named is None and not asked:
        return None
    made = ET.Element("cpu", mode="custom", match=cpu.get("match", "exact"))
    ET.SubElement(made, "model", fallback="forbid").text = _NEXT_TO_NOTHING if named is None else named.text
    for one in cpu.findall("feature") if named is not None else asked:
        ET.SubElement(made, "feature", one.attrib)
    return ET.tostring(made, encoding="unicode")
