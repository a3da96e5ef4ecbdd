"""The one file that Airflow loads as a plugin. Everything else of Drover is an installed package."""

from airflow.plugins_manager import AirflowPlugin


class DroverPlugin(AirflowPlugin):
    """Names Drover in Admin, Plugins; its connection type comes from the provider entry point."""

    name = "drover"
