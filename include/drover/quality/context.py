"""Great Expectations' file context: opened quietly, mended after a kill, kept small."""

import json
from pathlib import Path
from typing import Any

_SITE: Any = {
    "class_name": "SiteBuilder",
    "show_how_to_buttons": False,
    "store_backend": {
        "class_name": "TupleFilesystemStoreBackend",
        "base_directory": "uncommitted/data_docs/local_site/",
    },
    "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
}


def open_context(root: Path) -> Any:
    """The context in this folder (`.../gx`), made where there is none. No progress bars, nothing sent anywhere."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="file", project_root_dir=str(root.parent))
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.enable_analytics(False)
    # Great Expectations reads this file anew for every setting it looks up; its template is a page of comments.
    (root / "uncommitted" / "config_variables.yml").write_text("{}\n")
    context.update_data_docs_site(site_name="local_site", site_config=_SITE)
    return context


def mend(root: Path) -> None:
    """Great Expectations writes its files in place; what a killed run left half written would stop every later one.

    Settings and definitions are made anew by each run, so the settings may go. An unfinished definition or result
    belongs to the run that was killed and to no verdict.
    """
    for settings in (root / "great_expectations.yml", root / "uncommitted" / "config_variables.yml"):
        settings.unlink(missing_ok=True)
    for folder in ("expectations", "validation_definitions", "checkpoints", "uncommitted/validations"):
        for file in root.joinpath(folder).rglob("*.json"):
            if not _is_json(file):
                file.unlink()


def slim(root: Path) -> None:
    """Takes away the animated how-to pictures, 3 MB in each site, that no page without how-to buttons shows."""
    for picture in root.glob("uncommitted/data_docs/local_site/static/images/*.gif"):
        picture.unlink()


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
