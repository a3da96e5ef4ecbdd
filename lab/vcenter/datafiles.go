package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// serveFolder is the datastores' file access: /folder/PATH?dcPath=DATACENTER&dsName=DATASTORE.
func (c *Center) serveFolder(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if center := query.Get("dcPath"); center != "" && strings.Trim(center, "/") != c.config.Datacenter {
		http.Error(w, "there is no such datacenter", http.StatusNotFound)
		return
	}
	store := c.dataPath[query.Get("dsName")]
	if store == nil {
		http.Error(w, "there is no such datastore", http.StatusNotFound)
		return
	}
	// r.URL.Path is decoded; Clean with a leading slash leaves nothing that leads out.
	path := filepath.Join(store.Folder, filepath.Clean("/"+strings.TrimPrefix(r.URL.Path, "/folder")))
	if path == store.Folder && r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "that is the datastore itself", http.StatusForbidden)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		c.getFile(w, r, path)
	case http.MethodPut, http.MethodPost:
		c.putFile(w, r, store, path)
	case http.MethodDelete:
		c.deleteFile(w, path)
	default:
		http.Error(w, "not allowed", http.StatusMethodNotAllowed)
	}
}

func (c *Center) getFile(w http.ResponseWriter, r *http.Request, path string) {
	if c.writtenTo(path) {
		http.Error(w, "the file is locked by the machine that runs on it", http.StatusInternalServerError)
		return
	}
	file, err := os.Open(path)
	if err != nil {
		answerError(w, err)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		answerError(w, err)
		return
	}
	if info.IsDir() {
		listFolder(w, path)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", info.ModTime(), file)
}

func listFolder(w http.ResponseWriter, path string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		answerError(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for _, entry := range entries {
		link := url.URL{Path: entry.Name()}
		fmt.Fprintf(w, "<a href=\"%s\">%s</a><br>\n", html.EscapeString(link.String()), html.EscapeString(entry.Name()))
	}
}

func (c *Center) putFile(w http.ResponseWriter, r *http.Request, store *DatastoreConfig, path string) {
	if c.writtenTo(path) {
		http.Error(w, "the file is locked by the machine that runs on it", http.StatusInternalServerError)
		return
	}
	_, err := os.Stat(path)
	existed := err == nil
	if existed && r.Method == http.MethodPost {
		http.Error(w, "the file exists", http.StatusConflict)
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		answerError(w, err)
		return
	}
	file, err := os.Create(path)
	if err != nil {
		answerError(w, err)
		return
	}
	defer file.Close()
	if err := copySparse(file, r.Body, r.ContentLength, store.free()); err != nil {
		log.Printf("upload of %s: %v", path, err)
		if errors.Is(err, syscall.ENOSPC) {
			if !existed {
				_ = os.Remove(path)
			}
			// A client that still sends would see a broken line in place of the answer.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		answerError(w, err)
		return
	}
	if existed {
		w.WriteHeader(http.StatusOK)
	} else {
		w.WriteHeader(http.StatusCreated)
	}
}

func (c *Center) deleteFile(w http.ResponseWriter, path string) {
	if c.writtenTo(path) {
		http.Error(w, "the file is locked by the machine that runs on it", http.StatusInternalServerError)
		return
	}
	if err := os.Remove(path); err != nil {
		answerError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answerError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, os.ErrNotExist):
		http.Error(w, "there is no such file", http.StatusNotFound)
	case errors.Is(err, syscall.ENOSPC):
		http.Error(w, "the datastore is full", http.StatusInsufficientStorage)
	case errors.Is(err, syscall.ENOTEMPTY):
		http.Error(w, "the folder is not empty", http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// copySparse leaves holes where the content is zero.
//
// :param promised: how many bytes there should be; negative where nobody said. :param room: past it, ENOSPC.
func copySparse(file *os.File, content io.Reader, promised, room int64) error {
	block := make([]byte, 64*1024)
	var size int64
	for {
		count, err := io.ReadFull(content, block)
		if count > 0 && !allZero(block[:count]) {
			if room -= int64(count); room < 0 {
				return syscall.ENOSPC
			}
			if _, err := file.WriteAt(block[:count], size); err != nil {
				return err
			}
		}
		size += int64(count)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if promised >= 0 && size != promised {
		return fmt.Errorf("%d bytes were promised, %d came", promised, size)
	}
	return file.Truncate(size)
}

func allZero(bytes []byte) bool {
	for _, one := range bytes {
		if one != 0 {
			return false
		}
	}
	return true
}

// writtenTo tells whether a machine runs and writes to the file now.
func (c *Center) writtenTo(path string) bool {
	if c.faults.locks(path) {
		return true
	}
	c.mutex.Lock()
	known := make([]*Machine, 0, len(c.machines))
	for _, machine := range c.machines {
		known = append(known, machine)
	}
	c.mutex.Unlock()
	for _, machine := range known {
		entry := machine.entry()
		if machine.process() == nil || entry == nil {
			continue
		}
		disks, fault := c.disks(entry.Config.Hardware.Device)
		if fault != nil {
			continue
		}
		for _, disk := range disks {
			if disk.Extent == path {
				return true
			}
		}
	}
	return false
}
