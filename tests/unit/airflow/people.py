"""Whoever answers Airflow's questions while a DAG is tested, as its API lets them; and a scheduler that was down."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from airflow.api_fastapi.app import init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from fastapi import HTTPException
from sqlalchemy import select, update

_DOWN = timedelta(hours=3)


class People(threading.Thread):
    """Does one thing after another, each as soon as a task of this DAG waits for an answer.

    :param does: functions of the place of the task that waits. :ivar told: what came of each.
    """

    def __init__(self, dag, does):
        super().__init__(daemon=True)
        self.dag = dag
        self.does = does
        self.told = []
        init_auth_manager()

    def run(self):
        for do in self.does:
            while (place := self._waiting()) is None:
                time.sleep(0.2)
            self.told.append(do(place))

    def _waiting(self):
        with create_session() as session:
            found = session.scalars(
                select(TaskInstance).where(
                    TaskInstance.dag_id == self.dag, TaskInstance.state == TaskInstanceState.AWAITING_INPUT
                )
            ).first()
            return found and (found.dag_id, found.run_id, found.task_id, found.map_index)


def says(name, *choices):
    """This user gives one answer, and the next ones right after it. Returns what the API said to each."""

    def say(place):
        return [_answer(place, name, choice) for choice in choices]

    return say


def _answer(place, name, choice):
    user = SimpleAuthManagerUser(username=name, role="op")
    payload = UpdateHITLDetailPayload(chosen_options=[choice])
    *names, index = place
    try:
        with create_session() as session:
            update_hitl_detail(*names, payload, user, session, index)
    except HTTPException as error:
        return error.status_code
    return 200


def nobody_in_time(place):
    """The deadline passed hours ago; only now a scheduler looks for such questions again."""
    dag, run, task, index = place
    with create_session() as session:
        session.execute(
            update(TaskInstance)
            .where(
                TaskInstance.dag_id == dag,
                TaskInstance.run_id == run,
                TaskInstance.task_id == task,
                TaskInstance.map_index == index,
            )
            .values(trigger_timeout=datetime.now(UTC) - _DOWN)
        )
    SchedulerJobRunner.check_awaiting_input_timeouts(SimpleNamespace(log=logging.getLogger(__name__)))
    return []
