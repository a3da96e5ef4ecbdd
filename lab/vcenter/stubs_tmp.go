package main

import "net/http"

const migrationPath = "/drover-lab/migration/"

func (c *Center) serveMigration(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
func (c *Center) serveLease(w http.ResponseWriter, r *http.Request)     { http.NotFound(w, r) }
