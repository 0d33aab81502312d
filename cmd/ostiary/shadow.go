package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/watch"
	"github.com/ostiary/ostiary/policies"
)

// shadow keeps the candidate that is asked beside the policy in force: that of the folder policy.shadow, or the one that an
// operator sent, which goes before it until it is taken back or the server ends. The configuration is always the one in force.
type shadow struct {
	engine *policies.Engine
	rules  *rules
	log    *slog.Logger
	dir    string // policy.shadow; empty: there is none

	mu       sync.Mutex
	sent     *sent     // nil: nobody sent one
	problems []problem // of the last try of the folder's
	said     string    // the last failure that was logged
	site     string    // the configuration that the present one was made with
}

// sent is a candidate of an operator.
type sent struct {
	by    core.Subject
	label string
	files map[string][]byte
}

// Set implements admin.Shadow.
func (s *shadow) Set(by core.Subject, label string, texts map[string]string) error {
	files := make(map[string][]byte, len(texts))
	for name, text := range texts {
		files[name] = []byte(text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var load *policies.LoadError
	if err := s.use(label, files); errors.As(err, &load) {
		return problemsIn(policies.Source{Files: files}, load)
	} else if err != nil {
		return err
	}
	s.sent = &sent{by, label, files}
	s.log.Info("an operator set the policy shadow", "operator", by, "label", label)
	return nil
}

// use has the engine ask a candidate. It is called with mu held.
func (s *shadow) use(label string, files map[string][]byte) error {
	site := s.rules.site.Load().Data()
	if err := s.engine.SetShadow(label, policies.Source{Origin: policies.Folder, Files: s.rules.withData(files), Site: site}); err != nil {
		return err
	}
	s.site = site.String()
	return nil
}

// Clear implements admin.Shadow. It takes back what an operator sent; the folder's comes into its own again.
func (s *shadow) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.sent == nil && s.dir != "":
		return core.Refuse(core.Conflict, "The shadow is the folder that policy.shadow names; take the setting out of the configuration to end it.")
	case s.sent == nil:
		return core.Refuse(core.NotFound, "There is no policy shadow.")
	}
	s.sent = nil
	s.engine.ClearShadow()
	s.read()
	return nil
}

// load reads the folder, unless an operator's candidate goes before it.
func (s *shadow) load() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.read()
	}
}

// read puts the folder's candidate in the shadow's place. A failure is logged once and leaves what was there. It is called with mu
// held.
func (s *shadow) read() {
	if s.dir == "" {
		return
	}
	files, err := policies.ReadFolder(s.dir)
	if err == nil {
		err = s.use("policy.shadow", files)
	}
	s.problems = problemsOf(err)
	if err == nil {
		s.said = ""
		return
	}
	if text := err.Error(); text != s.said {
		s.said = text
		s.log.Error("the folder of the policy shadow is not usable; the last good shadow stays", "error", err)
	}
}

// follows makes the shadow anew when the configuration that it reads has changed.
func (s *shadow) follows() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil && len(s.problems) > 0 {
		s.read() // what was wrong may have been the configuration
		return
	}
	if _, there := s.engine.Shadow(); !there || s.rules.site.Load().Data().String() == s.site {
		return
	}
	if s.sent == nil {
		s.read()
	} else if err := s.use(s.sent.label, s.sent.files); err != nil {
		s.log.Error("the policy shadow does not fit the new configuration; it goes on with the old one", "error", err)
	}
}

// follow reads the folder again on every change until ctx ends; beside waits for its end.
func (s *shadow) follow(ctx context.Context, beside *sync.WaitGroup) error {
	if s.dir == "" {
		return nil
	}
	changes, err := watch.Folder(ctx, s.dir, watch.Options{Log: s.log})
	if err != nil {
		return err
	}
	beside.Go(func() {
		s.load() // at once: what changed between the start and the watch is told by nobody
		for range changes {
			s.load()
		}
	})
	return nil
}

// shadowState is the answer of /api/admin/policies/shadow.
type shadowState struct {
	Active bool         `json:"active"`
	SetBy  core.Subject `json:"set_by,omitempty"` // empty: the setting policy.shadow
	*policies.ShadowStatus
	Problems    []problem             `json:"problems"` // of the folder that policy.shadow names
	Differences []policies.Difference `json:"differences"`
}

// Show implements admin.Shadow.
func (s *shadow) Show(kind, decision string, limit int) (any, error) {
	if kinds := policies.Kinds(); kind != "" && !slices.Contains(kinds, kind) {
		return nil, core.Refuse(core.InvalidRequest, "kind must be one of %s.", strings.Join(kinds, ", "))
	}
	if names := policies.Decisions(); decision != "" && !slices.Contains(names, decision) {
		return nil, core.Refuse(core.InvalidRequest, "decision must be one of %s.", strings.Join(names, ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := shadowState{Problems: append([]problem{}, s.problems...), Differences: s.engine.Differences(policies.Sighting(kind), decision, limit)}
	if status, there := s.engine.Shadow(); there {
		state.Active, state.ShadowStatus = true, &status
	}
	if s.sent != nil {
		state.SetBy = s.sent.by
	}
	return state, nil
}
