package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// A rotation writes the credentials and leaves client, state and entity tag as they are; one of two at once wins.
func TestRotation(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		before := d.load(id)
		req := d.byOperator(core.Rotate, id, "")
		req.Rotation = registration.Rotation{Of: registration.RotateSecret, Overlap: time.Hour}
		first, second := d.judge(req), d.judge(req)
		if err := d.commit(first); err != nil {
			t.Fatal(err)
		}
		if err := d.commit(second); !errors.Is(err, registration.ErrChanged) {
			t.Errorf("the second of two rotations: %v", err)
		}
		after := d.load(id)
		if len(after.Credentials.Secrets) != 2 || after.Tag() != before.Tag() || after.Stamps.Client != before.Stamps.Client ||
			after.Stamps.Credentials == before.Stamps.Credentials {
			t.Errorf("after a rotation: %+v", after)
		}
		stale := d.judge(req)
		d.do(d.byOperator(core.Disable, id, ""))
		if err := d.commit(stale); !errors.Is(err, registration.ErrChanged) {
			t.Errorf("a rotation of a client that was disabled meanwhile: %v", err)
		}
	})
}
