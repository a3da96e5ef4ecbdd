"""What machines are made of: processor, memory, adapters, firmware, integration services."""

import uuid

from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import enum, invalid, refused, thing, wrong_state
from drover_lab.hyperv.world.machines import chosen, new_adapter, refresh
from drover_lab.hyperv.world.paths import same
from drover_lab.hyperv.world.store import Host, State

# Percent, percent, and a weight among others.
_SHARES = {"Reserve": 0, "Maximum": 100, "RelativeWeight": 100}
_TEMPLATES = ("MicrosoftWindows", "MicrosoftUEFICertificateAuthority", "OpenSourceShieldedVM")


def adapter(machine: State, card: State) -> PsObject:
    return thing("VMNetworkAdapter", {
        "Name": card["name"], "VMName": machine["name"], "VMId": uuid.UUID(machine["id"]), "Id": card["id"],
        "SwitchName": card["switch"], "MacAddress": card["mac"], "DynamicMacAddressEnabled": card["dynamic"],
        "IsLegacy": card["legacy"], "IPAddresses": card.get("addresses", []), "IovWeight": card.get("iov", 0),
        "Status": [],
        "Connected": card["switch"] is not None,
        # It has none; without Set-StrictMode that is $null.
        "Path": None,
    }, (machine["id"], card["id"]))  # fmt: skip


class Devices:
    def __init__(self, host: Host) -> None:
        self.host = host

    def _off(self, call: Invocation, machine: State) -> bool:
        if machine["state"] != "Off":
            call.fail(wrong_state(machine["name"]))
            return False
        return True

    # --- Processor and memory ---

    def processor(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                call.write(thing("VMProcessor", {
                    "VMName": machine["name"], "Count": machine["processors"],
                    "CompatibilityForMigrationEnabled": machine["compatibility"],
                    "ExposeVirtualizationExtensions": machine["nested"],
                    **{name: machine.get(f"cpu {name}", usual) for name, usual in _SHARES.items()},
                }))  # fmt: skip

    def set_processor(self, call: Invocation) -> None:
        fields = {"Count": "processors", "CompatibilityForMigrationEnabled": "compatibility",
                  "ExposeVirtualizationExtensions": "nested"}  # fmt: skip
        call.only("VM", "VMName", *fields)
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                if not self._off(call, machine):
                    continue
                if not 1 <= call.get("Count", 1) <= state["processors"]:
                    call.fail(invalid(f"The number of virtual processors for '{machine['name']}' is out of range."))
                    continue
                machine.update({field: call.get(name) for name, field in fields.items() if name in call.given})

    def memory(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                call.write(thing("VMMemory", {
                    "VMName": machine["name"], "Startup": machine["memory"], "Minimum": machine["minimum"],
                    "Maximum": machine["maximum"], "DynamicMemoryEnabled": machine["dynamic"],
                    "Priority": machine.get("memory weight", 50),
                }))  # fmt: skip

    def set_memory(self, call: Invocation) -> None:
        fields = {"StartupBytes": "memory", "MinimumBytes": "minimum", "MaximumBytes": "maximum",
                  "DynamicMemoryEnabled": "dynamic"}  # fmt: skip
        call.only("VM", "VMName", *fields)
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                if not self._off(call, machine):
                    continue
                wanted = {**machine, **{field: call.get(name) for name, field in fields.items() if name in call.given}}
                if wanted["dynamic"] and not wanted["minimum"] <= wanted["memory"] <= wanted["maximum"]:
                    call.fail(invalid("The startup memory must lie between the minimum and the maximum."))
                    continue
                machine.update(wanted)

    # --- Adapters ---

    def adapters(self, call: Invocation) -> None:
        call.only("VM", "VMName", "Name")
        with self.host.state() as state:
            for machine in chosen(call, state):
                for card in machine["adapters"]:
                    if "Name" not in call.given or same(card["name"], call.get("Name")):
                        call.write(adapter(machine, card))

    def add_adapter(self, call: Invocation) -> None:
        call.only("VM", "VMName", "Name", "SwitchName", "StaticMacAddress", "IsLegacy")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                if not self._off(call, machine):
                    continue
                switch, legacy = call.get("SwitchName"), bool(call.get("IsLegacy"))
                if switch is not None and switch not in state["switches"]:
                    call.fail(invalid(f'Hyper-V was unable to find a virtual switch with name "{switch}".'))
                    continue
                if legacy and machine["generation"] == 2:
                    call.fail(invalid("A legacy network adapter is not supported on a generation 2 virtual machine."))
                    continue
                mac = _mac(call.get("StaticMacAddress"))
                name = call.get("Name") or "Network Adapter"
                machine["adapters"].append(new_adapter(state, name, switch, mac, legacy))

    def remove_adapter(self, call: Invocation) -> None:
        call.only("VMNetworkAdapter")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine, card in self._cards(call, state):
                if self._off(call, machine):
                    machine["adapters"].remove(card)

    def connect(self, call: Invocation) -> None:
        call.only("VMNetworkAdapter", "SwitchName")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine, card in self._cards(call, state):
                if call.get("SwitchName") not in state["switches"]:
                    call.fail(invalid(
                        f'Hyper-V was unable to find a virtual switch with name "{call.get("SwitchName")}".'
                    ))  # fmt: skip
                    continue
                if machine["state"] != "Off":
                    raise NotModelledError("Connect-VMNetworkAdapter of a machine that runs")
                card["switch"] = call.get("SwitchName")

    def _cards(self, call: Invocation, state: State) -> list[tuple[State, State]]:
        found = []
        for given in call.get("VMNetworkAdapter"):
            machine_id, card_id = given.hidden
            machine = state["machines"].get(machine_id)
            card = next((one for one in machine["adapters"] if one["id"] == card_id), None) if machine else None
            if machine is None or card is None:
                call.fail(refused("The network adapter was not found.", "ObjectNotFound", "ObjectNotFound"))
            else:
                found.append((machine, card))
        return found

    def vlan(self, call: Invocation) -> None:
        call.only("VMNetworkAdapter")
        with self.host.state() as state:
            for machine, card in self._cards(call, state):
                call.write(thing("VMNetworkAdapterVlanSetting", {
                    "OperationMode": _mode(card["vlan_mode"]), "AccessVlanId": card["vlan"],
                    "ParentAdapter": adapter(machine, card),
                }))  # fmt: skip

    def set_vlan(self, call: Invocation) -> None:
        call.only("VMNetworkAdapter", "Access", "Untagged", "VlanId")
        with self.host.state() as state:
            for _, card in self._cards(call, state):
                if call.get("Untagged"):
                    card["vlan_mode"], card["vlan"] = "Untagged", 0
                elif call.get("Access") and 1 <= call.get("VlanId", 0) <= 4094:
                    card["vlan_mode"], card["vlan"] = "Access", call.get("VlanId")
                else:
                    call.fail(invalid("The VLAN id is not valid."))

    # --- Firmware ---

    def firmware(self, call: Invocation) -> None:
        from drover_lab.hyperv.world.drives import drive

        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                if not self._second(call, machine):
                    continue
                things = {one["id"]: ("Drive", drive(machine, one)) for one in machine["disks"]}
                things |= {one["id"]: ("Network", adapter(machine, one)) for one in machine["adapters"]}
                order = [thing("VMBootSource", {"BootType": _boot(things[one][0]), "Device": things[one][1]})
                         for one in qemu.boot_order(machine)]  # fmt: skip
                call.write(thing("VMFirmware", {
                    "VMName": machine["name"], "SecureBoot": enum("OnOffState", machine["secure"]),
                    "SecureBootTemplate": machine["template"], "BootOrder": order,
                }))  # fmt: skip

    def _second(self, call: Invocation, machine: State) -> bool:
        if machine["generation"] == 2:
            return True
        call.fail(refused("This operation is not supported on a generation 1 virtual machine.", "OperationFailed",
                          "InvalidOperation"))  # fmt: skip
        return False

    def set_firmware(self, call: Invocation) -> None:
        call.only("VM", "VMName", "EnableSecureBoot", "SecureBootTemplate", "BootOrder")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                if not self._second(call, machine) or not self._off(call, machine):
                    continue
                template = call.get("SecureBootTemplate", machine["template"])
                if template not in _TEMPLATES:
                    call.fail(invalid(f"The secure boot template '{template}' is not valid."))
                    continue
                machine["template"] = template
                machine["secure"] = call.get("EnableSecureBoot", machine["secure"])
                if "BootOrder" in call.given:
                    machine["boot"] = [one.hidden[1] for one in call.get("BootOrder")]

    def bios(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                if machine["generation"] != 1:
                    call.fail(refused("This operation is not supported on a generation 2 virtual machine.",
                                      "OperationFailed", "InvalidOperation"))  # fmt: skip
                    continue
                order = [_device(name) for name in ("CD", "IDE", "LegacyNetworkAdapter", "Floppy")]
                call.write(thing("VMBios", {"VMName": machine["name"], "StartupOrder": order}))

    # --- The rest ---

    def security(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                call.write(thing("VMSecurity", {"Shielded": machine["shielded"], "TpmEnabled": machine["tpm"]}))

    def protector(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                call.write(bytes(256) if machine["shielded"] or machine["tpm"] else b"\0\0\0\4")


def _mac(written: str | None) -> str | None:
    if written is None:
        return None
    plain = written.replace("-", "").replace(":", "").upper()
    if len(plain) != 12 or set(plain) - set("0123456789ABCDEF"):
        raise invalid(f"The MAC address '{written}' is not valid.")
    return plain


def _mode(name: str) -> PsObject:
    return word("VMNetworkAdapterVlanMode", name)


def _boot(name: str) -> PsObject:
    return word("BootSourceType", name)


def _device(name: str) -> PsObject:
    return word("BootDevice", name)


def word(kind: str, name: str) -> PsObject:
    """A value of an enumeration whose numbers the model does not know: only its name can be asked for."""
    return thing(kind, {}, text=name)
