"""The Data Docs of one run's results, by Great Expectations' own site builder.

Three quarters of the time that pages take goes into compiling the same Jinja templates again for each of them; here a
process compiles each template once.
"""

from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

_SITE = "local_site"


class _Compiled(BytecodeCache):
    """Compiled templates in memory, by name. Jinja compares them with their source before it uses them."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def build(context: Any, root: Path, results: list[Any]) -> None:
    """Adds these checkpoints' results and their suites to the site that the context defines, and renews its index."""
    from great_expectations.render.renderer.site_builder import SiteBuilder

    site = {key: value for key, value in context.variables.data_docs_sites[_SITE].items() if key != "class_name"}
    builder = SiteBuilder(context, site_name=_SITE, runtime_environment={"root_directory": str(root)}, **site)
    for part in (*builder.site_section_builders.values(), builder.site_index_builder):
        part.view_class.env.bytecode_cache = _COMPILED
    found = [identifier for result in results for identifier in result.run_results]
    builder.build([page for one in found for page in (one, one.expectation_suite_identifier)])
