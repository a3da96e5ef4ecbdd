"""Looks for what connections hold wherever an Airflow keeps something: each row of its database, logs, evidence."""

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from drover_lab.demo.home import Home
from drover_lab.lab import Lab

# Shorter parts of a key's text, such as its first and last line, are no secret.
_KEY_LINE = 40
# Of what a guest's disk holds nobody here is the author.
_DISKS = {".qcow2", ".vmdk", ".img"}
# Airflow's own: what its UI is logged in with, which the demo prints on purpose.
_OWN = {"keys.json", "passwords.json"}


def secrets_of(lab: Lab) -> dict[str, str]:
    """By where it is from: each connection's password, and each line of each private key that it names."""
    found: dict[str, str] = {}
    for host in lab.hosts:
        values = lab.connection(host.name)
        if password := values.get("password"):
            found[f"the password of {host.name}"] = str(password)
        for field, value in values["extra"].items():
            if field.endswith("key_file"):
                lines = [line for line in Path(str(value)).read_text().splitlines() if len(line) > _KEY_LINE]
                found |= {f"{field} of {host.name}, line {number}": line for number, line in enumerate(lines, 1)}
    return found


def forms(secret: str) -> set[bytes]:
    """The ways in which it may be written: plain, JSON, in an address, UTF-16; base64, wherever it begins in that."""
    plain = {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3], quote(secret, safe="")}
    raw = {secret.encode(), secret.encode("utf-16-le")}
    return {form.encode() for form in plain} | raw | {form for each in raw for form in _base64(each)}


def _base64(raw: bytes) -> Iterator[bytes]:
    """Without the ends, which hold what stands before and after it too."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw)
        yield text[(0, 2, 3)[shift] : len(text) - (4 if len(bytes(shift) + raw) % 3 else 0)]


def leaks(home: Home, secrets: dict[str, str]) -> list[str]:
    """Where a secret is found: the table and column, or the file. :param secrets: as `secrets_of` gives them."""
    wanted = [(name, form) for name, secret in secrets.items() for form in forms(secret)]
    places = ((where, text) for source in (_rows(home.folder / "airflow.db"), _files(home)) for where, text in source)
    return sorted({f"{name} is in {where}" for where, text in places for name, form in wanted if form in text})


def _rows(database: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            cursor = connection.execute(f'select * from "{table}"')  # noqa: S608  a name that the database gave
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield from (
                    (f"{table}.{name}", text) for name, value in zip(names, row, strict=True) for text in _texts(value)
                )


def _texts(value: Any) -> Iterable[bytes]:
    raw = value if isinstance(value, bytes) else str(value).encode()
    with suppress(zlib.error):
        return raw, zlib.decompress(raw)
    return (raw,)


def _files(home: Home) -> Iterator[tuple[str, bytes]]:
    for path in sorted(home.folder.rglob("*")):
        if path.is_file() and path.suffix not in _DISKS and path.name not in _OWN:
            yield str(path.relative_to(home.folder)), path.read_bytes()


def plant(home: Home, secret: str) -> list[str]:
    """Writes it where it must not be, each time in another form. :returns: where, sorted as `leaks` tells it."""
    wrapped = base64.b64encode(f"user:{secret}".encode()).decode()
    with closing(sqlite3.connect(home.folder / "airflow.db")) as connection:
        for table, column, text in (
            ("xcom", "value", json.dumps(wrapped)),
            ("rendered_task_instance_fields", "rendered_fields", json.dumps({"command": f"login {secret}"})),
            ("task_instance", "next_kwargs", json.dumps(json.dumps({"password": secret}))),
        ):
            one = f'(select min(rowid) from "{table}")'
            connection.execute(f'update "{table}" set "{column}" = ? where rowid = {one}', [text])  # noqa: S608
        connection.commit()
    (home.logs / "planted.log").write_text(f"ran powershell -EncodedCommand {_encoded(secret)}\n")
    (home.store / "planted.json").write_text(json.dumps({"address": f"https://user:{quote(secret, safe='')}@host"}))
    tables = ("rendered_task_instance_fields.rendered_fields", "task_instance.next_kwargs", "xcom.value")
    return sorted([*tables, "airflow.db", "logs/planted.log", "store/planted.json"])


def _encoded(secret: str) -> str:
    return base64.b64encode(f"$p = '{secret}'".encode("utf-16-le")).decode()
