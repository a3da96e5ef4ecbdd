"""The integration services of a machine: listed, switched on and off."""

from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.world.answers import thing
from drover_lab.hyperv.world.devices import word
from drover_lab.hyperv.world.machines import chosen, refresh
from drover_lab.hyperv.world.paths import same
from drover_lab.hyperv.world.store import Host

# By these ids they are known in every language of Windows.
_SERVICES = {
    "Guest Service Interface": "6C09BB55-D683-4DA0-8931-C9BF705F6480",
    "Heartbeat": "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47",
    "Key-Value Pair Exchange": "2A34B1C2-FD73-4043-8A5B-DD2159BC743F",
    "Shutdown": "9F8233AC-BE49-4C79-8EE3-E7E1985B2077",
    "Time Synchronization": "2497F4DE-E9FA-4204-80E4-4B75C46419C0",
    "VSS": "5CED1297-4598-4915-A5FC-AD21BB4D02A4",
}


class Services:
    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, call: Invocation) -> None:
        call.only("VM", "VMName", "Name")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                for name, identity in _SERVICES.items():
                    enabled = machine["services"].get(name, name != "Guest Service Interface")
                    well = "Ok" if enabled and machine["state"] == "Running" else "NoContact"
                    if "Name" not in call.given or any(same(name, one) for one in call.get("Name")):
                        call.write(thing("VMIntegrationComponent", {
                            "Name": name, "Enabled": enabled, "Id": f"Microsoft:{machine['id'].upper()}\\{identity}",
                            "PrimaryOperationalStatus": word("VMIntegrationComponentOperationalStatus", well),
                        }, (machine["id"], name)))  # fmt: skip

    def enable(self, call: Invocation) -> None:
        self._turn(call, True)

    def disable(self, call: Invocation) -> None:
        self._turn(call, False)

    def _turn(self, call: Invocation, on: bool) -> None:
        call.only("VMIntegrationService")
        with self.host.state() as state:
            for given in call.get("VMIntegrationService"):
                machine_id, name = given.hidden
                state["machines"][machine_id]["services"][name] = on
