"""Object stores through Airflow: `s3://connection@bucket/path` and whatever else its providers know."""

from airflow.sdk import BaseHook, ObjectStoragePath
from airflow.sdk.exceptions import AirflowNotFoundException

from drover.backups.objects import Objects
from drover.errors import BadInputError


def open_url(url: str) -> Objects | None:
    """The place of this address; None where no provider that is installed knows its kind.

    :raises BadInputError: its connection is not there.
    """
    try:
        path = ObjectStoragePath(url)
        files = path.fs
        if path.conn_id is not None:
            # Not left to the provider: without the connection, that of S3 takes whatever login it finds here.
            BaseHook.get_connection(path.conn_id)
    except ValueError:
        return None
    except AirflowNotFoundException:
        raise BadInputError(
            f"There is no Airflow connection '{path.conn_id}', which the address names.",
            remedy="Create it in Admin, Connections, or take it out of the address.",
        ) from None
    return Objects(url, files, path.path)
