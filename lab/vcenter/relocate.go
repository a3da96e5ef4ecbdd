package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// taken is how much room a file takes on the disk, in bytes.
func taken(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Blocks * sector
}

// RelocateVMTask moves a machine: to another host, another datastore, or another vCenter.
func (vm *VirtualMachine) RelocateVMTask(ctx *simulator.Context, req *types.RelocateVM_Task) soap.HasFault {
	task := vm.operation(ctx, "relocateVm", func(ctx *simulator.Context, task *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		if found := vm.obstacles(&req.Spec); len(found) > 0 {
			return nil, found[0]
		}
		if req.Spec.Service != nil {
			return vm.moveAway(ctx, task, &req.Spec)
		}
		return nil, vm.moveWithin(ctx, task, &req.Spec)
	})
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: task}}
}

// MigrateVMTask is the older way to say it, for a host only.
func (vm *VirtualMachine) MigrateVMTask(ctx *simulator.Context, req *types.MigrateVM_Task) soap.HasFault {
	answer := vm.RelocateVMTask(ctx, &types.RelocateVM_Task{
		This: req.This, Spec: types.VirtualMachineRelocateSpec{Host: req.Host, Pool: req.Pool}})
	return &methods.MigrateVM_TaskBody{Res: &types.MigrateVM_TaskResponse{
		Returnval: answer.(*methods.RelocateVM_TaskBody).Res.Returnval}}
}

// moveWithin moves the bytes first, where they are to move, and then says where the machine is.
func (vm *VirtualMachine) moveWithin(ctx *simulator.Context, task *simulator.Task,
	spec *types.VirtualMachineRelocateSpec) types.BaseMethodFault {
	if store := vm.otherHome(spec); store != nil {
		if fault := vm.changeStore(ctx, task, store); fault != nil {
			return fault
		}
	}
	if spec.Host != nil && *spec.Host != *vm.Runtime.Host {
		vm.changeHost(ctx, *spec.Host)
	}
	if spec.Pool != nil {
		vm.center.update(ctx, vm.VirtualMachine, map[string]any{"resourcePool": spec.Pool})
	}
	vm.center.progress(ctx, task, 100)
	return nil
}

// otherHome is the datastore that the machine is to lie on from now on; nil where that is the one it lies on.
func (vm *VirtualMachine) otherHome(spec *types.VirtualMachineRelocateSpec) *simulator.Datastore {
	var home object.DatastorePath
	home.FromString(vm.Config.Files.VmPathName)
	if spec.Datastore == nil {
		return nil
	}
	store, known := vm.center.registry().Get(*spec.Datastore).(*simulator.Datastore)
	if !known || store.Name == home.Datastore {
		return nil
	}
	return store
}

// scattered is the fault for disks that are to lie elsewhere than their machine: ESXi can do that, and the lab says that
// it cannot rather than pretend.
func (vm *VirtualMachine) scattered(spec *types.VirtualMachineRelocateSpec, disks []Disk) types.BaseMethodFault {
	home := vm.otherHome(spec)
	for _, disk := range disks {
		wanted := vm.center.storeOf(disk.Extent).Name
		if home != nil {
			wanted = home.Name
		}
		for _, locator := range spec.Disk {
			store, known := vm.center.registry().Get(locator.Datastore).(*simulator.Datastore)
			if locator.DiskId == disk.Key && (!known || store.Name != wanted) {
				return vm.unsupported("disk", fmt.Sprintf("the lab moves %s only together with the machine, to one datastore", disk.Name))
			}
		}
	}
	return nil
}

// changeHost: the process stays the same, as all hosts of a vCenter of the lab are one machine.
func (vm *VirtualMachine) changeHost(ctx *simulator.Context, to types.ManagedObjectReference) {
	registry := vm.center.registry()
	from := registry.Get(*vm.Runtime.Host).(*simulator.HostSystem)
	target := registry.Get(to).(*simulator.HostSystem)
	registry.RemoveReference(ctx, from, &from.Vm, vm.Self)
	registry.AddReference(ctx, target, &target.Vm, vm.Self)
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{"runtime.host": &to, "summary.runtime.host": &to})
}

// changeStore moves all files of the machine to another datastore; a machine that runs goes on.
func (vm *VirtualMachine) changeStore(
	ctx *simulator.Context, task *simulator.Task, store *simulator.Datastore) types.BaseMethodFault {
	source, fault := vm.center.path(vm.Config.Files.VmPathName)
	if fault != nil {
		return fault
	}
	disks, fault := vm.center.disks(vm.Config.Hardware.Device)
	if fault != nil {
		return fault
	}
	from, to := filepath.Dir(source), freeFolder(vm.center.dataPath[store.Name].Folder, filepath.Base(filepath.Dir(source)))
	process := vm.machine().process()
	if process != nil && vm.Snapshot != nil {
		return &types.SnapshotMoveNotSupported{SnapshotCopyNotSupported: types.SnapshotCopyNotSupported{
			MigrationFault: types.MigrationFault{VimFault: types.VimFault{MethodFault: reason(
				"%s has snapshots, and the lab moves those only while it is off", vm.Name)}}}}
	}
	for _, disk := range disks {
		if filepath.Dir(disk.Descriptor) != from {
			return invalidState("the disk %s does not lie with its machine", disk.Name)
		}
	}
	if err := vm.moveFiles(ctx, task, process, disks, from, to); err != nil {
		_ = os.RemoveAll(to)
		return faultOf(err, vm.Name)
	}
	vm.renameFiles(ctx, store, from, to)
	if err := os.RemoveAll(from); err != nil {
		return systemError("%s: %v", vm.Name, err)
	}
	return nil
}

// freeFolder is the folder of that name, or the name with a number, as ESXi does it.
func freeFolder(parent, name string) string {
	path := filepath.Join(parent, name)
	for number := 1; ; number++ {
		if _, err := os.Lstat(path); os.IsNotExist(err) {
			return path
		}
		path = filepath.Join(parent, fmt.Sprintf("%s_%d", name, number))
	}
}

func (vm *VirtualMachine) moveFiles(ctx *simulator.Context, task *simulator.Task, process *Qemu,
	disks []Disk, from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	skipped := map[string]bool{}
	if process != nil {
		for _, disk := range disks {
			skipped[filepath.Base(disk.Extent)] = true
		}
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for index, entry := range entries {
		if err := vm.center.canceled(task); err != nil {
			return err
		}
		if skipped[entry.Name()] {
			continue
		}
		command := exec.Command("cp", "-a", "--sparse=always", "--", filepath.Join(from, entry.Name()), to)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s", strings.TrimSpace(string(output)))
		}
		if process == nil {
			vm.center.progress(ctx, task, 90*(index+1)/len(entries))
		}
	}
	if process == nil {
		return nil
	}
	targets := map[int32]map[string]any{}
	for _, disk := range disks {
		path := filepath.Join(to, filepath.Base(disk.Extent))
		if _, err := qemuImg(to, "create", "-q", "-f", "raw", path, fmt.Sprint(disk.Capacity)); err != nil {
			return err
		}
		moved := disk
		moved.Extent = path
		targets[disk.Key] = blockNode("", moved)
	}
	jobs, err := process.mirror(disks, targets, vm.center.moves(), vm.follow(ctx, task, 95))
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if err := process.finish(job); err != nil {
			return err
		}
	}
	return nil
}

// follow tells a task's progress, and ends it where somebody wants that. :param share: percent when all is copied.
func (vm *VirtualMachine) follow(ctx *simulator.Context, task *simulator.Task, share int64) func(done, total int64) error {
	return func(done, total int64) error {
		if total > 0 {
			vm.center.progress(ctx, task, int(share*done/total))
		}
		return vm.center.canceled(task)
	}
}

// moves is how fast the lab wants the disks of running machines to be moved.
func (c *Center) moves() int64 {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.moveRate
}

const mirrorPiece = 64 * 1024

// mirror copies disks of a running machine and keeps the copies equal. :param rate: bytes a second of each, 0 for any.
// :returns: the jobs, when all are equal.
func (q *Qemu) mirror(disks []Disk, targets map[int32]map[string]any, rate int64,
	follow func(done, total int64) error) ([]string, error) {
	stamp := time.Now().UnixNano()
	var jobs, nodes []string
	undo := func(err error) ([]string, error) {
		for _, job := range jobs {
			_ = q.line.run("block-job-cancel", map[string]any{"device": job, "force": true}, nil)
			_ = q.gone(job)
		}
		for _, name := range nodes {
			_ = q.line.run("blockdev-del", map[string]any{"node-name": name}, nil)
		}
		return nil, err
	}
	for _, disk := range disks {
		top, err := q.top(disk.Key)
		if err != nil {
			return undo(err)
		}
		name := fmt.Sprintf("m%d-%d", disk.Key, stamp)
		target := targets[disk.Key]
		target["node-name"] = name
		if err := q.line.run("blockdev-add", target, nil); err != nil {
			return undo(err)
		}
		nodes = append(nodes, name)
		job := "mirror-" + name
		// Not write-blocking: QEMU 7.2 damages its own memory when such a mirror is ended by force under writes.
		order := map[string]any{"job-id": job, "device": top, "target": name,
			"sync": "full", "copy-mode": "background", "auto-dismiss": false}
		if rate > 0 {
			// QEMU holds a rate between its pieces, and by itself takes 16 MiB at once.
			order["speed"], order["granularity"], order["buf-size"] = rate, mirrorPiece, mirrorPiece
		}
		if err := q.line.run("blockdev-mirror", order, nil); err != nil {
			return undo(err)
		}
		jobs = append(jobs, job)
	}
	for {
		var done, total int64
		equal := true
		for _, id := range jobs {
			job, err := q.job(id)
			if err != nil {
				return undo(err)
			}
			if job.finished {
				return undo(fmt.Errorf("the copy failed: %s", job.Problem))
			}
			done, total, equal = done+job.Current, total+job.Total, equal && job.Status == "ready"
		}
		if err := follow(done, total); err != nil {
			return undo(err)
		}
		if equal {
			return jobs, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// renameFiles says in the inventory where a machine's files are now.
func (vm *VirtualMachine) renameFiles(ctx *simulator.Context, store *simulator.Datastore, from, to string) {
	oldStore := vm.center.storeOf(from + "/").Name
	before := fmt.Sprintf("[%s] %s/", oldStore, filepath.Base(from))
	after := fmt.Sprintf("[%s] %s/", store.Name, filepath.Base(to))
	moved := func(name string) string {
		if rest, found := strings.CutPrefix(name+"/", before); found {
			return strings.TrimSuffix(after+rest, "/")
		}
		return name
	}
	files := vm.Config.Files
	files.VmPathName = moved(files.VmPathName)
	files.SnapshotDirectory, files.LogDirectory = moved(files.SnapshotDirectory), moved(files.LogDirectory)
	files.SuspendDirectory = moved(files.SuspendDirectory)
	devices := moveBackings(vm.Config.Hardware.Device, store.Self, moved)
	registry := vm.center.registry()
	for _, ref := range vm.Datastore {
		if old, known := registry.Get(ref).(*simulator.Datastore); known {
			registry.RemoveReference(ctx, old, &old.Vm, vm.Self)
		}
	}
	registry.AddReference(ctx, store, &store.Vm, vm.Self)
	vm.center.update(ctx, vm.VirtualMachine, map[string]any{
		"config.files": files, "summary.config.vmPathName": files.VmPathName,
		"datastore":              []types.ManagedObjectReference{store.Self},
		"config.hardware.device": devices,
		"layoutEx.file":          []types.VirtualMachineFileLayoutExFileInfo{},
	})
	if vm.Snapshot != nil {
		for _, item := range flatten(vm.Snapshot.RootSnapshotList) {
			if snapshot, known := registry.Get(item.Snapshot).(*simulator.VirtualMachineSnapshot); known {
				snapshot.Config.Hardware.Device = moveBackings(snapshot.Config.Hardware.Device, store.Self, moved)
				snapshot.Config.Files = files
			}
		}
	}
	vm.RefreshStorageInfo(ctx, nil)
}

func moveBackings(devices []types.BaseVirtualDevice, store types.ManagedObjectReference,
	moved func(string) string) []types.BaseVirtualDevice {
	replaced := make([]types.BaseVirtualDevice, len(devices))
	for index, device := range devices {
		replaced[index] = device
		old, isDisk := device.(*types.VirtualDisk)
		if !isDisk {
			continue
		}
		fresh := *old
		fresh.Backing = moveBacking(old.Backing.(*types.VirtualDiskFlatVer2BackingInfo), store, moved)
		replaced[index] = &fresh
	}
	return replaced
}

func moveBacking(old *types.VirtualDiskFlatVer2BackingInfo, store types.ManagedObjectReference,
	moved func(string) string) *types.VirtualDiskFlatVer2BackingInfo {
	fresh := *old
	fresh.FileName, fresh.Datastore = moved(old.FileName), &store
	if old.Parent != nil {
		fresh.Parent = moveBacking(old.Parent, store, moved)
	}
	return &fresh
}
