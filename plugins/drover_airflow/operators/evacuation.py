"""Looks at a host and at what its machines can go to, and makes a wave of it for the tasks after it."""

from typing import Any

from airflow.sdk import Context

from drover_airflow.evacuation import asked_of
from drover_airflow.hooks.base import HypervisorHook
from drover_airflow.operators.base import DroverOperator


class EvacuationOperator(DroverOperator):
    """Returns the wave (JSON), the machines' keys, and where each goes and why; refuses in words."""

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.concerns.gather import read_facts
        from drover.proposals.evacuation import evacuate

        with self.plainly():
            asked = asked_of(dict(context["params"]))
            facts = {}
            for conn_id in dict.fromkeys((asked.source, *asked.targets)):
                with HypervisorHook(conn_id).get_conn() as hypervisor:
                    facts[conn_id] = read_facts(hypervisor)
            found = evacuate(asked, facts[asked.source], {conn_id: facts[conn_id] for conn_id in asked.targets})
        for name, why in found.stay.items():
            self.log.warning("%s stays: %s.", name, why)
        for each in found.placed:
            self.log.info("%s goes to %s.", each.machine.name, each.why)
        return {
            "wave": found.wave,
            "machines": list(found.machines),
            "places": {each.machine.name: each.why for each in found.placed},
            "stay": dict(found.stay),
        }
