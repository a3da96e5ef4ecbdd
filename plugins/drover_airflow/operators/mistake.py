"""Says what is wrong with a wave file, should anyone get as far as running it."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException


class MistakeOperator(BaseOperator):
    """Fails with these words. :param mistakes: what is wrong, in words."""

    def __init__(self, *, mistakes: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mistakes = mistakes

    def execute(self, context: Context) -> None:
        raise AirflowFailException(self.mistakes)
