package main

import (
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// sessionLives asks the simulator, which knows a session by its key and its user's name as it was given.
func (c *Center) sessionLives(key string) bool {
	c.wrappers.mutex.Lock()
	user := c.wrappers.users[key]
	c.wrappers.mutex.Unlock()
	answer := c.registry().SessionManager().SessionIsActive(c.context(),
		&types.SessionIsActive{SessionID: key, UserName: user})
	body, ok := answer.(*methods.SessionIsActiveBody)
	return ok && body.Res != nil && body.Res.Returnval
}
