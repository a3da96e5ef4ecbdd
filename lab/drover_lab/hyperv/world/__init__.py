"""Hyper-V hosts as a model: machines and their settings in one JSON file for all hosts, disks as real VHDX files.

Everything is on disk and under a lock, so that the processes of several hosts, and restarts, agree.
"""
