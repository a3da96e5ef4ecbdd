"""What Airflow's provider manager is told of Drover: its connection types, hooks and links."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    return {"package-name": "drover", "name": "Drover", "description": "Moves virtual machines and proves it."}
