package storage

import (
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
)

// asError gives an engine's fault the face that a caller may see; the cause stays inside for the log.
func asError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrFull):
		return core.Fail(core.InsufficientStorage, "The server is out of storage and takes no writes until an operator frees some.", err)
	case errors.Is(err, ErrClosed):
		return &core.Error{Code: core.TemporarilyUnavailable, Detail: "The server is shutting down; try again.", RetryAfter: time.Second, Err: err}
	}
	return err
}
