package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// The files of a disk with snapshots: a base, and upon it what was written since each snapshot.

var deltaName = regexp.MustCompile(`^(.*)-(\d{6})$`)
var parentLine = regexp.MustCompile(`(?m)^parentFileNameHint="(.+)"$`)

const deltaText = `# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=fffffffe
parentCID=fffffffe
createType="seSparse"
parentFileNameHint="%s"

# Extent description
RW %d SESPARSE "%s"
`

// grow makes the file that takes what is written from now on. :returns: the disk as it is then.
func grow(disk Disk) (Disk, error) {
	folder := filepath.Dir(disk.Descriptor)
	stem := strings.TrimSuffix(filepath.Base(disk.Descriptor), ".vmdk")
	if match := deltaName.FindStringSubmatch(stem); match != nil {
		stem = match[1]
	}
	for number := 1; ; number++ {
		name := fmt.Sprintf("%s-%06d", stem, number)
		descriptor := filepath.Join(folder, name+".vmdk")
		if _, err := os.Stat(descriptor); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		grown := disk
		grown.Name = disk.Name[:strings.LastIndex(disk.Name, filepath.Base(disk.Descriptor))] + name + ".vmdk"
		grown.Descriptor, grown.Format = descriptor, "qcow2"
		grown.Extent = filepath.Join(folder, name+"-sesparse.vmdk")
		if _, err := qemuImg(folder, "create", "-q", "-f", "qcow2", "-F", disk.Format,
			"-b", filepath.Base(disk.Extent), grown.Extent); err != nil {
			return Disk{}, err
		}
		return grown, writeDelta(grown, filepath.Base(disk.Descriptor))
	}
}

func writeDelta(disk Disk, parent string) error {
	text := fmt.Sprintf(deltaText, parent, disk.Capacity/sector, filepath.Base(disk.Extent))
	return os.WriteFile(disk.Descriptor, []byte(text), 0o600)
}

// parent is the disk's file below; false where this is the base.
func (c *Center) parent(disk Disk) (Disk, bool, error) {
	text, err := os.ReadFile(disk.Descriptor)
	if err != nil {
		return Disk{}, false, err
	}
	match := parentLine.FindStringSubmatch(string(text))
	if match == nil {
		return Disk{}, false, nil
	}
	name := disk.Name[:strings.LastIndex(disk.Name, filepath.Base(disk.Descriptor))] + filepath.Base(match[1])
	below, fault := c.disk(name)
	if fault != nil {
		return Disk{}, false, fmt.Errorf("%s: its parent %s cannot be read", disk.Name, name)
	}
	below.Key, below.Capacity, below.UUID, below.device = disk.Key, disk.Capacity, disk.UUID, disk.device
	return below, true, nil
}

// merge puts what a file holds into the one below it, which nobody else needs, and hangs what is above on that.
func merge(process *Qemu, top string, upper, lower Disk, above []Disk) error {
	var err error
	folder := filepath.Dir(upper.Extent)
	if process != nil && top != "" {
		err = process.commit(top, upper, lower)
	} else {
		_, err = qemuImg(folder, "commit", "-q", "-d", "-f", "qcow2", "-b", filepath.Base(lower.Extent), upper.Extent)
	}
	if err != nil {
		return err
	}
	for _, one := range above {
		if process == nil || top == "" {
			if _, err := qemuImg(folder, "rebase", "-q", "-u", "-f", "qcow2", "-F", lower.Format,
				"-b", filepath.Base(lower.Extent), one.Extent); err != nil {
				return err
			}
		}
		if err := writeDelta(one, filepath.Base(lower.Descriptor)); err != nil {
			return err
		}
	}
	return removeDisk(upper)
}

func removeDisk(disk Disk) error {
	if err := os.Remove(disk.Extent); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Remove(disk.Descriptor)
}

// top is the node that a disk's device writes to.
func (q *Qemu) top(key int32) (string, error) {
	var blocks []struct {
		Device   string `json:"qdev"`
		Inserted struct {
			Node string `json:"node-name"`
		} `json:"inserted"`
	}
	if err := q.line.run("query-block", nil, &blocks); err != nil {
		return "", err
	}
	for _, block := range blocks {
		if strings.HasSuffix(block.Device, fmt.Sprintf("hd%d", key)) {
			return block.Inserted.Node, nil
		}
	}
	return "", fmt.Errorf("no device runs the disk %d", key)
}

// nodeOf is the node of a file in a running machine.
func (q *Qemu) nodeOf(path string) (string, error) {
	var nodes []struct {
		Name   string `json:"node-name"`
		Driver string `json:"drv"`
		File   string `json:"file"`
	}
	if err := q.line.run("query-named-block-nodes", map[string]any{"flat": true}, &nodes); err != nil {
		return "", err
	}
	for _, one := range nodes {
		if one.Driver != "file" && fileOf(one.File) == path {
			return one.Name, nil
		}
	}
	return "", fmt.Errorf("the machine does not use %s", path)
}

// fileOf is the path in what QEMU says of a node's file: the path, or JSON where there is more to say.
func fileOf(said string) string {
	text, isJSON := strings.CutPrefix(said, "json:")
	if !isJSON {
		return said
	}
	var node struct {
		File struct {
			Name string `json:"filename"`
		} `json:"file"`
	}
	if json.Unmarshal([]byte(text), &node) != nil {
		return said
	}
	return node.File.Name
}

// freeze has a running machine write into new files from now on, all of them at the same moment.
func (q *Qemu) freeze(grown []Disk) error {
	var actions []map[string]any
	for _, disk := range grown {
		top, err := q.top(disk.Key)
		if err != nil {
			return err
		}
		actions = append(actions, map[string]any{"type": "blockdev-snapshot-sync", "data": map[string]any{
			"node-name": top, "snapshot-file": disk.Extent, "format": "qcow2", "mode": "existing",
			"snapshot-node-name": fmt.Sprintf("s%d-%d", disk.Key, time.Now().UnixNano()),
		}})
	}
	return q.line.run("transaction", map[string]any{"actions": actions}, nil)
}

// commit merges files of a running machine.
func (q *Qemu) commit(top string, upper, lower Disk) error {
	above, err := q.nodeOf(upper.Extent)
	if err != nil {
		return err
	}
	below, err := q.nodeOf(lower.Extent)
	if err != nil {
		return err
	}
	job := fmt.Sprintf("commit-%d-%d", upper.Key, time.Now().UnixNano())
	arguments := map[string]any{"job-id": job, "device": top, "base-node": below, "auto-dismiss": false}
	if above != top {
		arguments["top-node"] = above
		arguments["backing-file"] = filepath.Base(lower.Extent)
	}
	if err := q.line.run("block-commit", arguments, nil); err != nil {
		return err
	}
	return q.finish(job)
}

type jobState struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Current  int64  `json:"current-progress"`
	Total    int64  `json:"total-progress"`
	Problem  string `json:"error"`
	finished bool
}

func (q *Qemu) job(id string) (jobState, error) {
	var jobs []jobState
	if err := q.line.run("query-jobs", nil, &jobs); err != nil {
		return jobState{}, err
	}
	for _, job := range jobs {
		if job.ID == id {
			job.finished = job.Status == "concluded"
			return job, nil
		}
	}
	return jobState{}, fmt.Errorf("the job %s is gone", id)
}

// finish waits for a job of QEMU's and lets it switch over when it is ready.
func (q *Qemu) finish(id string) error { return q.wait(id, true) }

// gone waits for a job that was told to end as it is.
func (q *Qemu) gone(id string) error { return q.wait(id, false) }

func (q *Qemu) wait(id string, complete bool) error {
	completing := !complete
	for {
		job, err := q.job(id)
		if err != nil {
			return err
		}
		if job.finished {
			_ = q.line.run("job-dismiss", map[string]any{"id": id}, nil)
			if job.Problem != "" {
				return errors.New(job.Problem)
			}
			return nil
		}
		if job.Status == "ready" && !completing {
			if err := q.line.run("job-complete", map[string]any{"id": id}, nil); err != nil {
				return err
			}
			completing = true
		}
		time.Sleep(50 * time.Millisecond)
	}
}
