//go:build !wasip1

package main

import "os"

func exit(code int) { os.Exit(code) }
