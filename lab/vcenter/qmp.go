package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// QMP is the line on which QEMU takes commands.
type QMP struct {
	connection net.Conn
	mutex      sync.Mutex
	next       int
	waiting    map[int]chan qmpAnswer
	events     func(name string, data map[string]any)
	ended      chan struct{}
}

type qmpAnswer struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class       string `json:"class"`
		Description string `json:"desc"`
	} `json:"error"`
	ID    *int           `json:"id"`
	Event string         `json:"event"`
	Data  map[string]any `json:"data"`
}

const qmpPatience = 60 * time.Second

var errQMPEnded = errors.New("the machine's process has ended")

// dialQMP connects and leaves the negotiation behind. :param events: is called for each, in order.
func dialQMP(path string, events func(string, map[string]any)) (*QMP, error) {
	connection, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	line := &QMP{
		connection: connection,
		waiting:    map[int]chan qmpAnswer{},
		events:     events,
		ended:      make(chan struct{}),
	}
	go line.read()
	if err := line.run("qmp_capabilities", nil, nil); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return line, nil
}

func (q *QMP) read() {
	decoder := json.NewDecoder(q.connection)
	for {
		var answer qmpAnswer
		if err := decoder.Decode(&answer); err != nil {
			if !errors.Is(err, io.EOF) {
				_ = q.connection.Close()
			}
			close(q.ended)
			return
		}
		switch {
		case answer.Event != "":
			q.events(answer.Event, answer.Data)
		case answer.ID != nil:
			q.mutex.Lock()
			channel := q.waiting[*answer.ID]
			delete(q.waiting, *answer.ID)
			q.mutex.Unlock()
			if channel != nil {
				channel <- answer
			}
		}
	}
}

// run has one command done. :param result: what the answer is put into; may be nil.
func (q *QMP) run(command string, arguments any, result any) error {
	channel := make(chan qmpAnswer, 1)
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	q.mutex.Lock()
	q.next++
	request["id"] = q.next
	q.waiting[q.next] = channel
	text, err := json.Marshal(request)
	if err == nil {
		_, err = q.connection.Write(append(text, '\n'))
	}
	q.mutex.Unlock()
	if err != nil {
		return err
	}
	select {
	case answer := <-channel:
		if answer.Error != nil {
			return fmt.Errorf("%s: %s", command, answer.Error.Description)
		}
		if result != nil {
			return json.Unmarshal(answer.Return, result)
		}
		return nil
	case <-q.ended:
		return errQMPEnded
	case <-time.After(qmpPatience):
		return fmt.Errorf("%s: no answer within %s", command, qmpPatience)
	}
}
