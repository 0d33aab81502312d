package main

import (
	"errors"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/policies"
)

// notReached is what failures to fetch a bundle are about.
const notReached = "the bundle cannot be fetched"

// nothingElse tells whether nothing was wrong the last time, or only the network.
func (r *rules) nothingElse() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.problems) == 0 || r.said == notReached
}

// report remembers what is wrong, and logs it unless the last failure was about the same.
func (r *rules) report(about string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = problemsOf(err)
	if err == nil {
		r.said = ""
		return
	}
	if about != r.said {
		r.log.Error(r.what()+" or dcr_config.yaml is not usable; the last good policy stays", "error", err)
	}
	r.said = about
}

// what names where the rules come from.
func (r *rules) what() string {
	if r.bundle != nil {
		return "the policy bundle"
	}
	return "the policy folder"
}

// problemsOf takes apart what reading a policy folder or dcr_config.yaml answers.
func problemsOf(err error) []problem {
	var load *policies.LoadError
	var site *config.Problems
	list := []problem{}
	switch {
	case err == nil:
	case errors.As(err, &load):
		for _, p := range load.Problems {
			list = append(list, problem(p))
		}
	case errors.As(err, &site):
		for _, p := range site.List {
			list = append(list, fromConfig(p))
		}
	default:
		list = append(list, problem{Message: err.Error()})
	}
	return list
}

// wrong gives what is wrong with the folder or the file now.
func (r *rules) wrong() []problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problems
}
