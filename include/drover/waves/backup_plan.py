"""What a wave file says of its backups: where they lie, how they are proven, how long they are kept."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from drover.waves.parts import Part, Period, Text, told

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def _folder_problem(folder: str) -> str | None:
    return None if folder.startswith("/") else f"'{folder}' is not an absolute path"


def _repository_problem(url: str) -> str | None:
    words = "it is not an object store's address: expected one as in s3://connection@bucket/path"
    try:
        parts = urlsplit(url)
    except ValueError:
        return words
    if not _SCHEME.fullmatch(parts.scheme) or "://" not in url or not (parts.netloc or parts.path.strip("/")):
        return words
    # Law: secrets live in Airflow connections only. The address itself is not repeated here for that reason.
    if ":" in parts.netloc.rpartition("@")[0]:
        return "the address holds a login: secrets belong into Airflow connections"
    return "an object store's address ends with its path" if parts.query or parts.fragment else None


class BackupPlan(Part):
    """Exactly one of `folder` and `repository` is given."""

    folder: Annotated[Text, told(_folder_problem)] | None = Field(
        default=None, description="Where the worker keeps the verified backups."
    )
    repository: Annotated[Text, told(_repository_problem)] | None = Field(
        default=None, description="An object store through Airflow, as in s3://connection@bucket/path."
    )
    restore_test: Literal["digests", "sample", "all"] = Field(
        default="digests",
        description="Which backups are proven by booting them on the test network: none, every fifth, or all.",
    )
    keep: Period | None = Field(
        default=None, description="How long backups are kept after the commit; for ever where not given."
    )

    @property
    def place(self) -> str:
        """The folder or the repository."""
        return self.folder or self.repository or ""
