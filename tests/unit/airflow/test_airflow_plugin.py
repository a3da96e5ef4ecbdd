"""Airflow's own plugin manager finds the one plugin file and runs no other file of Drover's."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PLUGINS = Path(__file__).parents[3] / "plugins"
# With and without the ignore file, in both syntaxes that Airflow can be told to read it in.
PROGRAM = """
import json, sys
from airflow.plugins_manager import _load_plugins_from_plugin_directory as load

def loaded(folder, syntax):
    before = set(sys.modules)
    plugins, errors = load(folder, ignore_file_syntax=syntax)
    files = {name: getattr(sys.modules[name], "__file__", "") or "" for name in set(sys.modules) - before}
    for name in files:
        del sys.modules[name]
    modules = sorted(name for name, path in files.items() if path.startswith(folder))
    return {"plugins": [plugin.name for plugin in plugins], "errors": errors, "modules": modules}

kept, bare = sys.argv[1:]
print(json.dumps({"glob": loaded(kept, "glob"), "regexp": loaded(kept, "regexp"), "without": loaded(bare, "glob")}))
"""


def test_one_plugin_and_nothing_else_is_loaded(tmp_path):
    """Without the ignore file `hooks/libvirt.py` becomes the module `libvirt`, in the place of the SDK."""
    kept, bare = tmp_path / "kept", tmp_path / "bare"
    for folder in (kept, bare):
        shutil.copytree(PLUGINS, folder)
    (bare / ".airflowignore").unlink()
    env = os.environ | {"AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [sys.executable, "-c", PROGRAM, str(kept), str(bare)]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stdout.splitlines()[-1])
    only_ours = {"plugins": ["drover"], "errors": {}, "modules": ["drover_plugin"]}
    assert loaded["glob"] == only_ours
    assert loaded["regexp"] == only_ours
    assert "libvirt" in loaded["without"]["modules"]
