package main

import (
	"errors"
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// hoard keeps what is allocated alive.
var hoard [][]byte

// start misbehaves while the plugin is loaded.
func start(v ostiary.Value) error {
	switch v.Get("start").Text() {
	case "refuse":
		return errors.New(`the member "domain" is missing`)
	case "panic":
		panic("not ready")
	case "loop":
		spin()
	}
	return nil
}

// misbehave does harm during a call.
func misbehave(how string, c *ostiary.Call) error {
	switch how {
	case "loop":
		spin()
	case "bomb":
		for {
			hoard = append(hoard, make([]byte, 1<<20))
		}
	case "recurse":
		c.Patch.SetInt("depth", deep(1))
	case "panic":
		var nothing *ostiary.Call
		nothing.Warn("x")
	case "exit":
		exit(7)
	case "huge":
		c.Patch.SetString("client_name", strings.Repeat("x", 1<<20))
	case "flood":
		for range 10_000 {
			ostiary.Log(ostiary.Info, strings.Repeat("noise ", 1000))
		}
	case "print":
		print("from stderr\n") // to standard error
	case "mix":
		c.Patch.SetString("client_name", "half done")
		return errors.New("gave up in the middle")
	default:
		return errors.New("no such misbehaviour: " + how)
	}
	return nil
}

func spin() {
	for n := 0; ; n++ {
		if n < 0 {
			n = 0
		}
	}
}

func deep(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return n + deep(n+1)
}
