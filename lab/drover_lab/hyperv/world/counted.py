"""Raw performance counters of machines that run: what QEMU and Linux have counted of them, under Hyper-V's names.

The time of a machine's process is shared out evenly among its processors.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.store import Host, State

Rows = list[dict[str, Any]]
_TICKS = 10_000_000


def _running(host: Host, state: State) -> Iterator[tuple[State, int]]:
    for machine in state["machines"].values():
        found = qemu.record(host, machine)
        if machine["state"] == "Running" and found is not None:
            yield machine, found.pid


def processors(host: Host, state: State) -> Rows:
    rows = []
    for machine, pid in _running(host, state):
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks = (int(user) + int(system)) * _TICKS // os.sysconf("SC_CLK_TCK")
        for number in range(machine["processors"]):
            share = ticks // machine["processors"]
            rows.append({"Name": f"{machine['name']}:Hv VP {number}", "PercentTotalRunTime": share})
    return rows


def disks(host: Host, state: State) -> Rows:
    rows = []
    for machine, _ in _running(host, state):
        with qemu.monitor(host, machine) as monitor:
            known = {one["qdev"].removeprefix("/machine/peripheral/").partition("/")[0]: one["stats"]
                     for one in monitor.ask("query-blockstats") if "qdev" in one}  # fmt: skip
        for place, drive in enumerate(machine["disks"]):
            stats = known[f"hd{place}"]
            rows.append({
                "Name": drive["path"].replace("\\", "-"),
                "ReadBytesPersec": stats["rd_bytes"], "WriteBytesPersec": stats["wr_bytes"],
                "ReadOperationsPerSec": stats["rd_operations"], "WriteOperationsPerSec": stats["wr_operations"],
            })  # fmt: skip
    return rows


def adapters(host: Host, state: State) -> Rows:
    return _cards(host, state, legacy=False)


def legacy_adapters(host: Host, state: State) -> Rows:
    return _cards(host, state, legacy=True)


def _cards(host: Host, state: State, *, legacy: bool) -> Rows:
    """What the guest sends is what its tap receives. One on no bridge has no tap, and nobody to talk to."""
    lines = [line.partition(":") for line in Path("/proc/net/dev").read_text().splitlines()]
    taps = {name.strip(): [int(one) for one in rest.split()] for name, colon, rest in lines if colon}
    rows = []
    for machine, _ in _running(host, state):
        for place, card in enumerate(machine["adapters"]):
            if card["legacy"] == legacy:
                counted = taps.get(f"hv{machine['id'][:8]}.{place}", [0] * 16)
                name = f"{machine['name']}_{card['name']}_{machine['id'].upper()}--{card['id'].upper()}"
                rows.append({"Name": name, "BytesReceivedPersec": counted[8], "BytesSentPersec": counted[0]})
    return rows


CLASSES: dict[str, Callable[[Host, State], Rows]] = {
    "Win32_PerfRawData_HvStats_HyperVHypervisorVirtualProcessor": processors,
    "Win32_PerfRawData_Counters_HyperVVirtualStorageDevice": disks,
    "Win32_PerfRawData_NvspNicStats_HyperVVirtualNetworkAdapter": adapters,
    "Win32_PerfRawData_EthernetPerfProvider_HyperVLegacyNetworkAdapter": legacy_adapters,
}
