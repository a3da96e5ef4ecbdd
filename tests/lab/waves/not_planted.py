"""The concerns that no lab can plant, and why."""

_ONE_QEMU = "every host of the lab, and what its simulators say of hosts, is of one release"
CANNOT: dict[str, str] = {
    "cpu.evc": "the hosts of the lab's vCenters have one model of CPU, and the simulator knows no EVC",
    "disk.elsewhere": "the lab's Hyper-V hosts have no file server beside them",
    "host.clocks": "all hosts share one clock; test_a_clock_that_is_wrong_is_seen changes what a host told",
    "host.firmware": _ONE_QEMU,
    "live.unasked": "the simulator of vCenter offers the check, as every vCenter since 6.0 does",
    "live.write_rate": "only a guest that writes has a rate, and no guest of this lab boots a system",
    "translation.kept": "every target refuses what it could not keep, and that is translation.refused",
}
