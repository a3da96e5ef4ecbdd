package main

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// used is what the files of a datastore take on the disk: its machines' disks are thin.
func (s *DatastoreConfig) used() int64 {
	var sum int64
	_ = filepath.WalkDir(s.Folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // a file that went while we looked takes no room
		}
		if info, err := entry.Info(); err == nil {
			sum += info.Sys().(*syscall.Stat_t).Blocks * sector
		}
		return nil
	})
	return sum
}

func (s *DatastoreConfig) free() int64 { return max(s.Capacity-s.used(), 0) }

// noRoom is what vCenter answers where a file would not fit; nil where it fits.
func (s *DatastoreConfig) noRoom(bytes int64, file string) types.BaseMethodFault {
	if bytes <= s.free() {
		return nil
	}
	return &types.NoDiskSpace{
		FileFault: types.FileFault{
			VimFault: types.VimFault{MethodFault: reason(
				"there is not enough space on the datastore %s: %d bytes are needed, %d are free", s.Name, bytes, s.free())},
			File: file,
		},
		Datastore: s.Name,
	}
}

// measure says a datastore's true room in the inventory.
func (c *Center) measure(ctx *simulator.Context, store *simulator.Datastore) {
	config := c.dataPath[store.Name]
	if config == nil {
		return
	}
	free := config.free()
	if store.Summary.Capacity == config.Capacity && store.Summary.FreeSpace == free {
		return
	}
	info := types.VmfsDatastoreInfo{DatastoreInfo: types.DatastoreInfo{
		Name: store.Name, Url: store.Info.GetDatastoreInfo().Url, FreeSpace: free,
		MaxFileSize: config.Capacity, Timestamp: types.NewTime(time.Now()),
	}}
	c.update(ctx, store, map[string]any{
		"summary.capacity":  config.Capacity,
		"summary.freeSpace": free,
		"info":              &info,
	})
}
