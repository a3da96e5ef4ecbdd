package main

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// HttpNfcLease lets a client carry disks out or in over HTTPS, as streamOptimized VMDKs. Its name is the protocol's.
//
//revive:disable-next-line
type HttpNfcLease struct {
	mo.HttpNfcLease
	center *Center

	mutex sync.Mutex
	disks map[string]*leasedDisk // by the last part of their address
	order []string
	timer *time.Timer
	// What is to be done when the lease ends without having been completed.
	undo func()
}

type leasedDisk struct {
	disk     Disk
	incoming bool
	key      string
	digest   string
	size     int64
}

const defaultLeaseTimeout = 300 // seconds

func (c *Center) newLease(ctx *simulator.Context) *HttpNfcLease {
	lease := &HttpNfcLease{center: c, disks: map[string]*leasedDisk{}}
	lease.State = types.HttpNfcLeaseStateInitializing
	lease.Mode = string(types.HttpNfcLeaseModePushOrGet)
	c.registry().Put(lease)
	return lease
}

// ready names the disks by their places, as vCenter does, and opens the lease. One that goes out of a machine with UEFI
// has the variables of its firmware beside them.
func (l *HttpNfcLease) ready(ctx *simulator.Context, vm *simulator.VirtualMachine, disks []Disk, incoming bool) {
	seconds := l.center.leaseSeconds()
	info := &types.HttpNfcLeaseInfo{Lease: l.Self, Entity: vm.Self, LeaseTimeout: seconds}
	for index, disk := range disks {
		name := fmt.Sprintf("disk-%d.vmdk", index)
		place := placeOf(disk)
		key := fmt.Sprintf("/%s/%s", vm.Self.Value, place)
		l.disks[name] = &leasedDisk{disk: disk, incoming: incoming, key: key}
		l.order = append(l.order, name)
		info.TotalDiskCapacityInKB += disk.Capacity / 1024
		info.DeviceUrl = append(info.DeviceUrl, types.HttpNfcLeaseDeviceUrl{
			Key:       key,
			ImportKey: fmt.Sprintf("/%s/%s", vm.Name, place),
			Url:       fmt.Sprintf("https://%s/nfc/%s/%s", l.center.config.Listen, l.Self.Value, name),
			Disk:      types.NewBool(true),
			TargetId:  name,
		})
	}
	if !incoming && vm.Config.Firmware == string(types.GuestOsDescriptorFirmwareTypeEfi) {
		info.DeviceUrl = append(info.DeviceUrl, types.HttpNfcLeaseDeviceUrl{
			Key:      fmt.Sprintf("/%s/nvram", vm.Self.Value),
			Url:      fmt.Sprintf("https://%s/nfc/%s/file-%d.nvram", l.center.config.Listen, l.Self.Value, len(disks)),
			Disk:     types.NewBool(false),
			TargetId: "nvram",
		})
	}
	l.center.update(ctx, l, map[string]any{"state": types.HttpNfcLeaseStateReady, "info": info})
	l.mutex.Lock()
	l.timer = time.AfterFunc(time.Duration(seconds)*time.Second, l.expire)
	l.mutex.Unlock()
}

// placeOf is what a lease calls the place of a disk: ParaVirtualSCSIController0:1.
func placeOf(disk Disk) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", disk.Controller), "*types.")
	bus := disk.Controller.(types.BaseVirtualController).GetVirtualController().BusNumber
	return fmt.Sprintf("%s%d:%d", kind, bus, disk.Unit)
}

func (l *HttpNfcLease) fail(ctx *simulator.Context, fault types.BaseMethodFault) {
	l.center.update(ctx, l, map[string]any{
		"state": types.HttpNfcLeaseStateError,
		"error": localized(fault),
	})
}

// alive puts the end of the lease off. :returns: false where it has ended.
func (l *HttpNfcLease) alive() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.timer == nil {
		return false
	}
	return l.timer.Reset(time.Duration(l.center.leaseSeconds()) * time.Second)
}

func (l *HttpNfcLease) expire() {
	ctx := l.center.context()
	log.Printf("the lease %s has timed out", l.Self.Value)
	l.fail(ctx, &types.Timedout{VimFault: types.VimFault{MethodFault: reason("the lease has timed out")}})
	l.end(true)
}

// end closes the lease once. :param undo: what came in is not wanted any more.
func (l *HttpNfcLease) end(undo bool) {
	l.mutex.Lock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = nil
	back := l.undo
	l.undo = nil
	l.mutex.Unlock()
	if undo && back != nil {
		back()
	}
}

// HttpNfcLeaseProgress keeps the lease open.
func (l *HttpNfcLease) HttpNfcLeaseProgress(ctx *simulator.Context, req *types.HttpNfcLeaseProgress) soap.HasFault {
	body := new(methods.HttpNfcLeaseProgressBody)
	if !l.alive() {
		body.Fault_ = simulator.Fault("", &types.Timedout{})
		return body
	}
	l.TransferProgress = req.Percent
	body.Res = new(types.HttpNfcLeaseProgressResponse)
	return body
}

// HttpNfcLeaseComplete closes the lease: all has been carried.
func (l *HttpNfcLease) HttpNfcLeaseComplete(ctx *simulator.Context, _ *types.HttpNfcLeaseComplete) soap.HasFault {
	body := new(methods.HttpNfcLeaseCompleteBody)
	if !l.alive() {
		body.Fault_ = simulator.Fault("", &types.Timedout{})
		return body
	}
	l.end(false)
	l.center.update(ctx, l, map[string]any{"state": types.HttpNfcLeaseStateDone})
	l.center.registry().Remove(ctx, l.Self)
	body.Res = new(types.HttpNfcLeaseCompleteResponse)
	return body
}

// HttpNfcLeaseAbort closes the lease; what came in is thrown away.
func (l *HttpNfcLease) HttpNfcLeaseAbort(ctx *simulator.Context, _ *types.HttpNfcLeaseAbort) soap.HasFault {
	l.end(true)
	l.center.registry().Remove(ctx, l.Self)
	return &methods.HttpNfcLeaseAbortBody{Res: new(types.HttpNfcLeaseAbortResponse)}
}

// HttpNfcLeaseGetManifest tells the digests of what was carried.
func (l *HttpNfcLease) HttpNfcLeaseGetManifest(
	*simulator.Context, *types.HttpNfcLeaseGetManifest) soap.HasFault {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var entries []types.HttpNfcLeaseManifestEntry
	for _, name := range l.order {
		if disk := l.disks[name]; disk.digest != "" {
			entries = append(entries, types.HttpNfcLeaseManifestEntry{
				Key: disk.key, Sha1: disk.digest, Checksum: disk.digest, ChecksumType: "sha1",
				Size: disk.size, Disk: true, Capacity: disk.disk.Capacity,
			})
		}
	}
	return &methods.HttpNfcLeaseGetManifestBody{
		Res: &types.HttpNfcLeaseGetManifestResponse{Returnval: entries}}
}

// serveLease carries one disk: /nfc/LEASE/DISK.
func (c *Center) serveLease(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/nfc/"), "/")
	if len(parts) != 2 {
		http.NotFound(w, r)
		return
	}
	lease, known := c.registry().Get(types.ManagedObjectReference{Type: "HttpNfcLease", Value: parts[0]}).(*HttpNfcLease)
	if !known || !lease.alive() {
		http.Error(w, "there is no such lease", http.StatusNotFound)
		return
	}
	leased := lease.disks[parts[1]]
	if leased == nil {
		http.Error(w, "the lease has no such disk", http.StatusNotFound)
		return
	}
	switch {
	case r.Method == http.MethodGet && !leased.incoming:
		lease.export(w, leased)
	case (r.Method == http.MethodPut || r.Method == http.MethodPost) && leased.incoming:
		lease.receive(w, r, leased)
	default:
		http.Error(w, "this lease does not go that way", http.StatusMethodNotAllowed)
	}
}

// meter digests what passes, and keeps the lease open meanwhile.
type meter struct {
	lease *HttpNfcLease
	sum   hash.Hash
	size  int64
}

func (m *meter) Write(bytes []byte) (int, error) {
	m.size += int64(len(bytes))
	m.lease.alive()
	return m.sum.Write(bytes)
}

func (l *HttpNfcLease) carried(leased *leasedDisk, passed *meter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	leased.digest, leased.size = hex.EncodeToString(passed.sum.Sum(nil)), passed.size
}

// export sends a disk. It has no length beforehand and cannot be begun in the middle, as ESXi's cannot.
func (l *HttpNfcLease) export(w http.ResponseWriter, leased *leasedDisk) {
	folder, err := os.MkdirTemp(l.center.config.uploadFolder(), "export-")
	if err != nil {
		answerError(w, err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "disk.vmdk")
	if _, err := qemuImg(filepath.Dir(leased.disk.Extent), "convert", "-U", "-f", leased.disk.Format,
		"-O", "vmdk", "-o", "subformat=streamOptimized", leased.disk.Extent, path); err != nil {
		answerError(w, err)
		return
	}
	file, err := os.Open(path)
	if err != nil {
		answerError(w, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/x-vnd.vmware-streamVmdk")
	passed := &meter{lease: l, sum: sha1.New()}
	if flusher, can := w.(http.Flusher); can {
		flusher.Flush() // so that no length is told
	}
	if _, err := io.Copy(io.MultiWriter(w, passed), file); err != nil {
		log.Printf("export of %s: %v", leased.disk.Name, err)
		panic(http.ErrAbortHandler)
	}
	l.carried(leased, passed)
}

// receive takes a disk and puts it onto the datastore.
func (l *HttpNfcLease) receive(w http.ResponseWriter, r *http.Request, leased *leasedDisk) {
	folder, err := os.MkdirTemp(l.center.config.uploadFolder(), "import-")
	if err != nil {
		answerError(w, err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "disk.vmdk")
	file, err := os.Create(path)
	if err != nil {
		answerError(w, err)
		return
	}
	store := l.center.storeOf(leased.disk.Extent)
	passed := &meter{lease: l, sum: sha1.New()}
	err = copySparse(file, io.TeeReader(r.Body, passed), r.ContentLength, store.free())
	_ = file.Close()
	if err == nil {
		err = l.center.unpack(path, leased.disk)
	}
	if err != nil {
		log.Printf("import of %s: %v", leased.disk.Name, err)
		answerError(w, err)
		return
	}
	l.carried(leased, passed)
	w.WriteHeader(http.StatusOK)
}
