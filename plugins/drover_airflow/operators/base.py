"""What all operators share: errors become plain sentences, and a killed task leaves nothing open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from drover.errors import BadInputError, DroverError, RetryableError
from drover_airflow.hooks.base import quiet

# What a shell reports of a process that ended on SIGTERM.
_TERMINATED = 143


@contextmanager
def plainly(*, patient: bool = False) -> Iterator[None]:
    """Lets Airflow try again what may succeed later, and nothing else.

    :param patient: also what a person must mend is tried again, for as long as the task has retries: nobody may have
        to come back for a machine that is off meanwhile.
    :raises AirflowException: for a `RetryableError`.
    :raises AirflowFailException: for every other error of Drover's: a person must look, or data is wrong.
    """
    quiet()
    try:
        yield
    except DroverError as error:
        again = isinstance(error, RetryableError) or (patient and not isinstance(error, BadInputError))
        raise (AirflowException if again else AirflowFailException)(str(error)) from None


class DroverOperator(BaseOperator):
    """Work inside `with self.plainly():` is told plainly where it fails, and unwinds where it is killed."""

    patient: ClassVar[bool] = False
    _working = False

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """As the function of this name, and `on_kill` knows."""
        self._working = True
        try:
            with plainly(patient=self.patient):
                yield
        finally:
            self._working = False

    def on_kill(self) -> None:
        """Called inside the signal handler: the exception unwinds the work, so that every context closes its own."""
        if self._working:
            self.log.warning("Stopped from outside; closing what is open. The next try goes on from here.")
            raise SystemExit(_TERMINATED)
