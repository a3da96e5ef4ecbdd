"""What Airflow loads first: in the processes that tasks are forked from, what would cost each task seconds to load."""

import drover_airflow.preload
