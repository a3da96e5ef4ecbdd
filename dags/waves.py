"""One DAG for each wave file.

A wrong file never hides the others: an exception in here would take every wave off the list, and even an import error
of this one file makes Airflow refuse to start any DAG in it. So a wrong file becomes a DAG that cannot be
triggered, in the place where its own would be, and its page tells every mistake with its line.
"""

from pathlib import Path

from drover_airflow.wave_files import dags_of

globals().update({dag.dag_id: dag for dag in dags_of(Path(__file__).absolute().parent)})
