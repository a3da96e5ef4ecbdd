package main

import (
	"crypto/subtle"
	"log"
	"net/http"
	"strings"

	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// front is what stands at the door: logins for files, faults on order, and our own ways before the simulator's.
func (c *Center) front() http.Handler {
	c.registry().SessionManager().ValidLogin = func(login *types.Login) bool {
		return c.validLogin(login.UserName, login.Password)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			// http.Server would end the connection only, and so it should; but say of which call.
			if reason := recover(); reason != nil {
				if reason != http.ErrAbortHandler {
					log.Printf("%s %s: %v", r.Method, r.URL.Path, reason)
				}
				panic(http.ErrAbortHandler)
			}
		}()
		switch {
		case r.URL.Path == "/folder" || strings.HasPrefix(r.URL.Path, "/folder/"):
			c.guarded(w, r, c.serveFolder)
		case strings.HasPrefix(r.URL.Path, "/nfc/"):
			c.guarded(w, r, c.serveLease)
		case strings.HasPrefix(r.URL.Path, migrationPath):
			c.guarded(w, r, c.serveMigration)
		case strings.HasPrefix(r.URL.Path, "/rest/") && c.faults.get().RestDown:
			http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
		case r.URL.Path == "/sdk" && r.Method == http.MethodPost:
			c.serveCall(w, r)
		default:
			c.service.ServeMux.ServeHTTP(w, r)
		}
	})
}

// serveCall has the simulator answer a SOAP call, unless the lab wants the line to break.
func (c *Center) serveCall(w http.ResponseWriter, r *http.Request) {
	c.calls.Add(1)
	switch c.faults.nextCall() {
	case dropCall:
		panic(http.ErrAbortHandler)
	case dropAnswer:
		c.service.ServeMux.ServeHTTP(&discarded{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
	c.service.ServeMux.ServeHTTP(w, r)
}

// discarded takes an answer that nobody will get.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header             { return d.header }
func (d *discarded) Write(bytes []byte) (int, error) { return len(bytes), nil }
func (d *discarded) WriteHeader(int)                 {}

// guarded lets in who has a session, or knows the password.
func (c *Center) guarded(w http.ResponseWriter, r *http.Request, inside http.HandlerFunc) {
	if !c.known(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="VMware HTTP server"`)
		http.Error(w, "authentication is required", http.StatusUnauthorized)
		return
	}
	inside(c.faults.wrap(w, r), r)
}

func (c *Center) known(r *http.Request) bool {
	if login, password, given := r.BasicAuth(); given {
		return c.validLogin(login, password)
	}
	cookie, err := r.Cookie(soap.SessionCookieName)
	return err == nil && c.validSession(strings.Trim(cookie.Value, `"`))
}

func (c *Center) validLogin(login, password string) bool {
	// Windows and vCenter do not care about the case of a user's name.
	sameLogin := strings.EqualFold(login, c.config.Login)
	return subtle.ConstantTimeCompare([]byte(password), []byte(c.config.Password)) == 1 && sameLogin
}

func (c *Center) validSession(key string) bool {
	c.wrappers.mutex.Lock()
	_, known := c.wrappers.sessions[key]
	c.wrappers.mutex.Unlock()
	return known && c.sessionLives(key)
}
