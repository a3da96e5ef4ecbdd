"""How a guest's disks are made, from nothing but files: no loop devices, no mounts."""
