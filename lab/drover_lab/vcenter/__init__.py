"""The lab's vCenters: built from lab/vcenter, run in a namespace each, filled with machines."""
