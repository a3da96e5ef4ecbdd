"""One DAG for each wave file, which rehearses the wave.

Nothing of a machine is changed by it. A wave whose file says `mode: rehearsal` has no other DAG than a rehearsal.
"""

from pathlib import Path

from drover_airflow.wave_files import rehearsals_of

globals().update({dag.dag_id: dag for dag in rehearsals_of(Path(__file__).absolute().parent)})
