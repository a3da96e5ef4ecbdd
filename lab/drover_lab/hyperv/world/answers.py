"""What the cmdlets of Hyper-V answer with, and how they refuse."""

from collections.abc import Mapping
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.values import Enum, Names, PsObject

_NAMESPACE = "Microsoft.HyperV.PowerShell"
VIRTUALIZATION = f"{_NAMESPACE}.VirtualizationException"

# As Windows numbers them.
NUMBERS: dict[str, dict[str, int]] = {
    "VMState": {"Other": 1, "Running": 2, "Off": 3, "Stopping": 4, "Saved": 6, "Paused": 9, "Starting": 10},
    "StartAction": {"Nothing": 2, "StartIfRunning": 3, "Start": 4},
    "StopAction": {"TurnOff": 2, "Save": 3, "ShutDown": 4},
    "CheckpointType": {"Disabled": 2, "Production": 3, "ProductionOnly": 4, "Standard": 5},
    "OnOffState": {"On": 0, "Off": 1},
    "ControllerType": {"IDE": 0, "SCSI": 1},
    "VMSwitchType": {"Private": 0, "Internal": 1, "External": 2},
    "VhdType": {"Fixed": 2, "Dynamic": 3, "Differencing": 4},
    "VhdFormat": {"VHD": 2, "VHDX": 3, "VHDSet": 4},
    "VMReplicationState": {"Disabled": 0, "Replicating": 4},
    "MigrationAuthenticationType": {"CredSSP": 0, "Kerberos": 1},
}


def enum(kind: str, name: str) -> Enum:
    return Enum(f"{_NAMESPACE}.{kind}", name, NUMBERS[kind][name])


def thing(kind: str, properties: Mapping[str, Any], hidden: Any = None, **more: Any) -> PsObject:
    return PsObject(f"{_NAMESPACE}.{kind}", Names(properties), hidden=hidden, **more)


def missing(name: str) -> CmdletFault:
    return CmdletFault(
        f'Hyper-V was unable to find a virtual machine with name "{name}".',
        "InvalidParameter",
        "InvalidArgument",
        VIRTUALIZATION,
    )


def refused(message: str, error_id: str = "OperationFailed", category: str = "NotSpecified") -> CmdletFault:
    return CmdletFault(message, error_id, category, VIRTUALIZATION)


def invalid(message: str) -> CmdletFault:
    return refused(message, "InvalidParameter", "InvalidArgument")


def wrong_state(name: str) -> CmdletFault:
    return refused(
        f"'{name}' failed to perform the operation. The operation cannot be performed while the virtual machine is in "
        "its current state.",
        "InvalidState",
        "InvalidOperation",
    )
