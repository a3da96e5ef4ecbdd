"""The cmdlets of Windows that our scripts may use: names and parameters, as Microsoft documents them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from drover_lab.hyperv.powershell.values import Names


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """:param sets: empty: every set. :param values: empty: any. :param position: None: by name only."""

    name: str
    type: str
    sets: frozenset[str]
    values: tuple[str, ...]
    required: bool
    position: int | None
    pipeline: bool


@dataclass(frozen=True, slots=True)
class Cmdlet:
    name: str
    module: str
    parameters: tuple[ParameterFacts, ...]
    by_name: Names  # their aliases, too

    @property
    def sets(self) -> frozenset[str]:
        found = frozenset().union(*(parameter.sets for parameter in self.parameters))
        return found or frozenset({"__AllParameterSets"})

    @property
    def type(self) -> str:
        """What stands behind the comma in FullyQualifiedErrorId."""
        verb, _, noun = self.name.partition("-")
        if self.name.endswith("-VHD"):
            return f"Microsoft.Vhd.PowerShell.Cmdlets.{verb}Vhd"
        if self.module == "Hyper-V":
            return f"Microsoft.HyperV.PowerShell.Commands.{verb}{noun}"
        if self.module.startswith("Microsoft.PowerShell"):
            return f"Microsoft.PowerShell.Commands.{verb}{noun}Command"
        return self.name


@cache
def cmdlets() -> Names:
    """Name -> Cmdlet."""
    text = files("drover.hypervisors.hyperv.powershell").joinpath("cmdlets.json").read_text(encoding="utf-8")
    found = Names()
    for name, values in json.loads(text)["cmdlets"].items():
        by_name = Names()
        parameters = []
        for spelled, facts in values["parameters"].items():
            parameter = ParameterFacts(
                name=spelled,
                type=facts["type"],
                sets=frozenset(facts.get("sets", ())),
                values=tuple(facts.get("values", ())),
                required=facts.get("required", False),
                position=facts.get("position"),
                pipeline=facts.get("pipeline", False),
            )
            parameters.append(parameter)
            for alias in (spelled, *facts.get("aliases", ())):
                by_name[alias] = parameter
        found[name] = Cmdlet(name, values["module"], tuple(parameters), by_name)
    return found


@cache
def common() -> frozenset[str]:
    text = files("drover.hypervisors.hyperv.powershell").joinpath("cmdlets.json").read_text(encoding="utf-8")
    return frozenset(name.lower() for name in json.loads(text)["common"])
