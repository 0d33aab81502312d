package plugins

import (
	"errors"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/sandbox"
)

// Reasons takes an error apart into what is wrong, each thing by itself.
func Reasons(err error) []string {
	var wrong *config.Problems
	var refused *sandbox.LoadError
	joined, isJoined := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case isJoined:
		var all []string
		for _, one := range joined.Unwrap() {
			all = append(all, Reasons(one)...)
		}
		return all
	case errors.As(err, &wrong):
		var all []string
		for _, p := range wrong.List {
			all = append(all, p.String())
		}
		return all
	case errors.As(err, &refused) && len(refused.Reasons) > 1:
		return refused.Reasons
	}
	return []string{err.Error()}
}
