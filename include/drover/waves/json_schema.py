"""The JSON schema of a wave file, for editors. `drover wave schema` writes it."""

import json
from typing import Any

from drover.waves.schema import Wave

# What an example's first line names; the copy is committed, and a test says when it is out of date.
FILE_NAME = "wave.schema.json"


def schema() -> dict[str, Any]:
    """As a value."""
    described = Wave.model_json_schema(mode="validation")
    described["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    described["title"] = "Drover wave"
    described["description"] = "A wave of machines that move from one hypervisor to another."
    return described


def schema_text() -> str:
    """As the file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
