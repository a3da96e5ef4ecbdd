"""The demo: the lab, an Airflow of its own, and a whole wave, watched from the terminal and checked afterwards."""
