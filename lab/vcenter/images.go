package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// qemuImg runs qemu-img in a folder: a disk's files name each other relative to it.
func qemuImg(folder string, arguments ...string) ([]byte, error) {
	command := exec.Command("qemu-img", arguments...)
	command.Dir = folder
	output, err := command.Output()
	if failed, isExit := err.(*exec.ExitError); isExit {
		return nil, fmt.Errorf("qemu-img %s: %s", arguments[0], strings.TrimSpace(string(failed.Stderr)))
	}
	return output, err
}

// area is a range of a disk's bytes.
type area struct {
	Start, Length int64
}

func (a area) end() int64 { return a.Start + a.Length }

// join merges neighbours. The areas must be in order.
func join(areas []area) []area {
	var joined []area
	for _, one := range areas {
		if last := len(joined) - 1; last >= 0 && joined[last].end() >= one.Start {
			joined[last].Length = max(joined[last].end(), one.end()) - joined[last].Start
		} else {
			joined = append(joined, one)
		}
	}
	return joined
}

// allocated are the areas of a disk that hold anything.
func allocated(disk Disk) ([]area, error) {
	output, err := qemuImg(filepath.Dir(disk.Extent), "map", "-U", "--output=json", "-f", disk.Format, disk.Extent)
	if err != nil {
		return nil, err
	}
	var parts []struct {
		Start  int64 `json:"start"`
		Length int64 `json:"length"`
		Data   bool  `json:"data"`
		Zero   bool  `json:"zero"`
	}
	if err := json.Unmarshal(output, &parts); err != nil {
		return nil, err
	}
	var found []area
	for _, part := range parts {
		if part.Data && !part.Zero {
			found = append(found, area{part.Start, part.Length})
		}
	}
	return join(found), nil
}

// blockSize is what changes are told apart by.
const blockSize = 64 * 1024

type blockDigest [16]byte

// digests is what every block of a disk holds; that of a block of zeroes is zero.
func (c *Center) digests(disk Disk) ([]blockDigest, error) {
	path := disk.Extent
	if disk.Format != "raw" {
		temporary, err := os.MkdirTemp(c.config.uploadFolder(), "digest-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(temporary)
		path = filepath.Join(temporary, "flat")
		if _, err := qemuImg(filepath.Dir(disk.Extent), "convert", "-U", "-f", disk.Format, "-O", "raw",
			disk.Extent, path); err != nil {
			return nil, err
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	table := make([]blockDigest, (disk.Capacity+blockSize-1)/blockSize)
	block := make([]byte, blockSize)
	for index := range table {
		count, err := file.ReadAt(block, int64(index)*blockSize)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if !allZero(block[:count]) {
			sum := sha256.Sum256(block[:count])
			copy(table[index][:], sum[:])
		}
	}
	return table, nil
}

func saveDigests(path string, table []blockDigest) error {
	bytes := make([]byte, 0, len(table)*len(blockDigest{}))
	for _, digest := range table {
		bytes = append(bytes, digest[:]...)
	}
	return os.WriteFile(path, bytes, 0o600)
}

func loadDigests(path string) ([]blockDigest, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	table := make([]blockDigest, len(bytes)/len(blockDigest{}))
	for index := range table {
		copy(table[index][:], bytes[index*len(blockDigest{}):])
	}
	return table, nil
}

// differences are the blocks that two tables tell apart.
func differences(before, after []blockDigest, capacity int64) []area {
	var found []area
	for index := range after {
		if index < len(before) && before[index] == after[index] {
			continue
		}
		start := int64(index) * blockSize
		found = append(found, area{start, min(blockSize, capacity-start)})
	}
	return join(found)
}
