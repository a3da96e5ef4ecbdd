"""Airflow's REST API, as its own UI uses it: a login gives a token, the token everything else."""

import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from drover.errors import OperatorNeededError, RetryableError

_SECONDS = 30.0
# SQLite lets one writer in at a time; a question that came at a bad moment is asked again.
_TRIES = 5
_BETWEEN_TRIES = 2.0


class Airflow:
    """A context manager. :param address: of the UI, without a slash at its end."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=address, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def health(self) -> dict[str, Any]:
        """The state of each component. :raises RetryableError: the server does not answer yet."""
        return dict(self._send("GET", "/api/v2/monitor/health"))

    def log_in(self) -> None:
        token = self._send("POST", "/auth/token", json=self._login)["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def find_dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG, or None while Airflow does not know it."""
        answer = self._answer("GET", f"/api/v2/dags/{quote(dag_id)}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else dict(_checked(answer))

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Starts a run and returns its id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._send("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run: str) -> str:
        return str(self._get(f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run)}")["state"])

    def tasks(self, dag_id: str, run: str) -> list[dict[str, Any]]:
        """Every task instance of a run."""
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run)}/taskInstances"
        return list(self._get(path, params={"limit": 1000})["task_instances"])

    def answer(self, dag_id: str, run: str, task_id: str, option: str) -> None:
        """Answers the task that waits for a person, as whoever is logged in.

        :raises OperatorNeededError: it does not wait any more, or this user may not answer.
        """
        task = f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run)}/taskInstances/{quote(task_id)}/-1/hitlDetails"
        answer = self._patiently("PATCH", task, json={"chosen_options": [option], "params_input": {}})
        # A conflict: somebody has answered, or an earlier try of ours arrived after all.
        if answer.status_code != httpx.codes.CONFLICT:
            _checked(answer)

    def import_errors(self) -> list[str]:
        found = self._get("/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def _get(self, path: str, **options: Any) -> Any:
        return _checked(self._patiently("GET", path, **options))

    def _patiently(self, method: str, path: str, **options: Any) -> httpx.Response:
        for left in reversed(range(_TRIES)):
            try:
                answer = self._answer(method, path, **options)
                if not answer.is_server_error or not left:
                    return answer
            except RetryableError:
                if not left:
                    raise
            time.sleep(_BETWEEN_TRIES)
        raise AssertionError("not reached")

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return _checked(self._answer(method, path, **options))

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **options)
        except httpx.TransportError as error:
            raise RetryableError(
                f"Airflow does not answer at {self._client.base_url}: {type(error).__name__}.",
                remedy="See its logs in .drover/.",
            ) from None


def _checked(answer: httpx.Response) -> Any:
    if answer.is_server_error:
        raise RetryableError(f"Airflow answers {answer.status_code} to {answer.request.url.path}.", remedy="Try again.")
    if answer.is_error:
        raise OperatorNeededError(
            f"Airflow refuses {answer.request.method} {answer.request.url.path} ({answer.status_code}): "
            f"{answer.text[:500]}",
            remedy="See the log of its API server in .drover/.",
        )
    return answer.json()
