"""Wave files for tests of DAGs."""

from pathlib import Path

HEAD = """wave: {name}
description: Two machines leave.
source: lab_kvm_a
target: lab_kvm_b
backup: {{folder: /var/lib/drover/backups}}
mappings: {{networks: {{production: production}}, storage: {{default: default}}, test_network: isolated}}
machines:
"""


def write(folder: Path, name: str, machines: str, file: str | None = None) -> Path:
    path = folder / (file or f"{name}.yaml")
    path.write_text(HEAD.format(name=name) + machines)
    return path


def pair(folder: Path, name: str = "pair") -> Path:
    """`db` cold, and `web` live after it."""
    return write(folder, name, "  - {name: db, strategy: cold}\n  - {name: web, strategy: live, after: [db]}\n")


def many(folder: Path, count: int) -> Path:
    rows = []
    for number in range(count):
        after = f"    after: [machine-{number - 1}]\n" if number % 5 else ""
        rows.append(
            f"  - name: machine-{number}\n    strategy: {'cold' if number % 2 else 'live'}\n{after}"
            f"    checks:\n      - http: {{url: 'http://10.0.0.{number}:8080/health', contains: ok}}\n"
            f"      - tcp: {{address: 10.0.0.{number}, port: 8080}}\n"
        )
    return write(folder, "many", "".join(rows))
