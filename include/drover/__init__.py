"""Drover evacuates a datacenter in waves and proves that the data arrived. This package knows no Airflow."""

__version__ = "0.1.0"
