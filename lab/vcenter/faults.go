package main

import (
	"io"
	"net/http"
	"strings"
	"sync"
)

// Faults are what the lab wants to go wrong, switched on over the control socket.
type Faults struct {
	mutex sync.Mutex
	wantedFaults
}

type wantedFaults struct {
	// The next so many SOAP calls meet a connection that breaks: before the call is read, or after it was done.
	DropCalls   int `json:"drop_calls"`
	DropAnswers int `json:"drop_answers"`
	// The next so many transfers (datastore or lease) break after so many bytes of content.
	DropTransfers int   `json:"drop_transfers"`
	DropAfter     int64 `json:"drop_after"`
	// Snapshots take so many milliseconds before the disks are frozen.
	SlowSnapshots int `json:"slow_snapshots"`
	// The next so many times that files of a removed snapshot should be merged, they are not, and the task succeeds.
	KeepFiles int `json:"keep_files"`
	// Datastore files whose path ends so are locked by somebody; none where it is empty.
	Locked string `json:"locked"`
	// The next so many checks of a move succeed without a word about the machine.
	SilentChecks int `json:"silent_checks"`
	// The services that are not in SOAP (REST) do not answer, as where their endpoint is down.
	RestDown bool `json:"rest_down"`
}

type callFault int

const (
	noFault callFault = iota
	dropCall
	dropAnswer
)

func (f *Faults) set(wanted *Faults) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.wantedFaults = wanted.wantedFaults
}

func (f *Faults) get() wantedFaults {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.wantedFaults
}

// one takes one from a number of faults that are still to come; false where none is.
func (f *Faults) one(of *int) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if *of > 0 {
		*of--
		return true
	}
	return false
}

// locks tells whether somebody holds this file.
func (f *Faults) locks(path string) bool {
	suffix := f.get().Locked
	return suffix != "" && strings.HasSuffix(path, suffix)
}

func (f *Faults) nextCall() callFault {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch {
	case f.DropCalls > 0:
		f.DropCalls--
		return dropCall
	case f.DropAnswers > 0:
		f.DropAnswers--
		return dropAnswer
	}
	return noFault
}

// wrap makes a transfer break where one is to break. What is shorter than the limit passes, and does not count.
func (f *Faults) wrap(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	f.mutex.Lock()
	armed, limit := f.DropTransfers > 0, f.DropAfter
	f.mutex.Unlock()
	if !armed || r.Method == http.MethodHead {
		return w
	}
	rest := &limit
	r.Body = &breakingReader{r.Body, f, rest}
	return &breakingWriter{w, f, rest}
}

// snap breaks the connection, as a cut line would.
func (f *Faults) snap() {
	f.mutex.Lock()
	f.DropTransfers = max(f.DropTransfers-1, 0)
	f.mutex.Unlock()
	panic(http.ErrAbortHandler)
}

type breakingReader struct {
	io.ReadCloser
	faults *Faults
	rest   *int64
}

func (b *breakingReader) Read(bytes []byte) (int, error) {
	if *b.rest <= 0 {
		b.faults.snap()
	}
	count, err := b.ReadCloser.Read(bytes[:min(int64(len(bytes)), *b.rest)])
	*b.rest -= int64(count)
	return count, err
}

type breakingWriter struct {
	http.ResponseWriter
	faults *Faults
	rest   *int64
}

func (b *breakingWriter) Write(bytes []byte) (int, error) {
	if int64(len(bytes)) <= *b.rest {
		*b.rest -= int64(len(bytes))
		return b.ResponseWriter.Write(bytes)
	}
	_, _ = b.ResponseWriter.Write(bytes[:*b.rest])
	if flusher, can := b.ResponseWriter.(http.Flusher); can {
		flusher.Flush()
	}
	b.faults.snap()
	return 0, io.ErrClosedPipe
}
