"""A machine as it would be at a host: what Compare-VM tells of it, and what stands against it."""

from dataclasses import dataclass, field
from typing import Any

from drover_lab.hyperv.powershell.values import PsObject
from drover_lab.hyperv.world.answers import thing
from drover_lab.hyperv.world.devices import adapter
from drover_lab.hyperv.world.store import State

NO_SWITCH = 33012


@dataclass(slots=True)
class Planned:
    """The machine as it would be at the other host. :param missed: adapter -> the switch that is not there."""

    host: str
    machine: State
    missed: dict[str, str] = field(default_factory=dict)


def planned_at(host: str, machine: State, state: State) -> Planned:
    """Its adapters are on the host's switches, as far as there are any of those names."""
    planned = Planned(host, machine)
    for card in machine["adapters"]:
        if card["switch"] is not None and card["switch"] not in state["switches"]:
            planned.missed[card["id"]] = card["switch"]
            card["switch"] = None
    return planned


def adapter_of(planned: Planned, card: State) -> PsObject:
    shown = adapter(planned.machine, card)
    shown.hidden = (planned, card["id"])
    return shown


def problems_of(planned: Planned, there: State) -> list[tuple[int, str, Any]]:
    found: list[tuple[int, str, Any]] = [
        (NO_SWITCH, f"Could not find Ethernet switch '{planned.missed[card['id']]}'.", adapter_of(planned, card))
        for card in planned.machine["adapters"]
        if card["id"] in planned.missed
    ]
    return found + [(number, message, None) for number, message in there.get("objections", [])]


def report(planned: Planned, there: State) -> PsObject:
    problems = [
        thing("VMCompatibilityError", {"MessageId": number, "Message": message, "Source": source})
        for number, message, source in problems_of(planned, there)
    ]
    machine = thing("VirtualMachine", {"Name": planned.machine["name"], "Notes": planned.machine["notes"]}, planned)
    return thing("VMCompatibilityReport", {"VM": machine, "Destination": planned.host, "Incompatibilities": problems},
                 planned)  # fmt: skip
