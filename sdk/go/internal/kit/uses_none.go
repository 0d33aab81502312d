//go:build wasip1 && !capabilities

package main

import (
	"errors"

	"github.com/ostiary/ostiary/sdk/go"
)

// use knows no steps: this build of the kit has no capabilities.
func use(_ *ostiary.Call, op string, _ ostiary.Value) error {
	return errors.New("the script has no step " + op)
}
