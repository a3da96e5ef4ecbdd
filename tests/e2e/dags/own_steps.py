"""A DAG of a user's own, of Drover's operators for KVM hosts: what is there, off, on, to the other host."""

import json
import os

from airflow.sdk import DAG

from drover_airflow.operators.libvirt import (
    LibvirtInventoryOperator,
    LibvirtLiveMigrationOperator,
    LibvirtPowerOperator,
)

machine, address, port = json.loads(os.environ["OWN_STEPS"])
SOURCE, TARGET = "lab_kvm_a", "lab_kvm_b"

with DAG("own_steps", schedule=None, is_paused_upon_creation=False):
    before = LibvirtInventoryOperator(task_id="before", conn_id=SOURCE)
    off = LibvirtPowerOperator(task_id="off", conn_id=SOURCE, machine=machine, state="off")
    on = LibvirtPowerOperator(task_id="on", conn_id=SOURCE, machine=machine, state="running", answers=(address, port))
    move = LibvirtLiveMigrationOperator(
        task_id="move",
        machine=machine,
        source_conn_id=SOURCE,
        target_conn_id=TARGET,
        networks={"production": "production"},
        storage={"default": "default"},
    )
    after = LibvirtInventoryOperator(task_id="after", conn_id=TARGET)
    before >> off >> on >> move >> after
