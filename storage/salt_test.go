package storage_test

import (
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/storage"
)

// The salt is made once, whoever asks first, for each issuer its own, and is the same after a restart.
func TestSubjectSalt(t *testing.T) {
	onEach(t, func(s *store) {
		salts := make([]core.Secret, 8)
		var all sync.WaitGroup
		for i := range salts {
			all.Go(func() {
				salt, err := storage.SubjectSalt(s.Context(), s.engine, "main", s.ring)
				if err != nil {
					s.Error(err)
				}
				salts[i] = salt
			})
		}
		all.Wait()
		for _, salt := range salts {
			if salt != salts[0] || len(salt) < 40 {
				s.Fatalf("%d salts of %d bytes", len(salts), len(salt))
			}
		}
		other, err := storage.SubjectSalt(s.Context(), s.engine, "other", s.ring)
		if err != nil || other == salts[0] {
			s.Errorf("another issuer: %v", err)
		}
		if _, err := storage.SubjectSalt(s.Context(), s.engine, "main", newRing(s.T)); err == nil {
			s.Error("read with another key")
		}
	})
}
