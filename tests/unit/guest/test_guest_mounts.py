"""Mount points by the guest's own fstab, whatever the hypervisor calls its disks."""

from drover.guest.mounts import Filesystem, mountpoints


def test_a_disks_name_with_a_colon_is_no_partition() -> None:
    root, data = Filesystem("scsi0:0:1", "/dev/sda1", "ext4", uuid="u1"), Filesystem("scsi0:1:0", "/dev/sdb", "ext4")
    points = mountpoints({root.key: "/dev/scsi0:1 /data ext4 defaults 0 0\n"}, [root, data])
    assert points == {"scsi0:0:1": "/", "scsi0:1:0": "/data"}


def test_a_virtio_disk_is_known_by_its_device() -> None:
    root, data = Filesystem("vda:1", "/dev/sda1", "ext4"), Filesystem("vdb:2", "/dev/sdb2", "ext4")
    points = mountpoints({root.key: "/dev/vda1 / ext4\n/dev/vdb2 /srv ext4\n"}, [root, data])
    assert points == {"vda:1": "/", "vdb:2": "/srv"}
