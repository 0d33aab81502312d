package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/web"
)

// Keys are the signing keys (core/keys).
type Keys interface {
	Reload(ctx context.Context) error
	Entries() []keys.Entry
	Rotate(ctx context.Context, want keys.Rotation) ([]keys.Entry, error)
}

// key is a signing key as operators see it.
type key struct {
	ID          string     `json:"kid"`
	Alg         string     `json:"alg"`
	State       keys.State `json:"state"`
	CreatedAt   time.Time  `json:"created_at"`
	PublishedAt time.Time  `json:"published_at"`          // in the key set since: at once
	ActivatesAt time.Time  `json:"activates_at,omitzero"` // signs from, or since
	RetiresAt   time.Time  `json:"retires_at,omitzero"`   // signs until
	RemovesAt   time.Time  `json:"removes_at,omitzero"`   // in the key set until
}

// keyList is the keys, and those that were changed just now.
type keyList struct {
	Changed []key `json:"changed,omitempty"`
	Items   []key `json:"items"`
}

func showKeys(entries []keys.Entry) []key {
	shown := make([]key, len(entries))
	for i, e := range entries {
		shown[i] = key{
			ID: e.ID, Alg: e.Alg, State: e.State, CreatedAt: e.Created.UTC(), PublishedAt: e.Created.UTC(),
			ActivatesAt: e.Activates.UTC(), RetiresAt: e.Retires.UTC(), RemovesAt: e.Removes.UTC(),
		}
	}
	return shown
}

// ListKeys lists the signing keys, oldest first, as they are in the store. They fit one page.
func (h *Handlers) ListKeys(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	if _, err := searchOf(r); err != nil {
		return web.Response{}, err
	}
	if err := h.Keys.Reload(ctx); err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, keyList{Items: showKeys(h.Keys.Entries())})
}

// rotation is the body of a rotation; {} rotates every algorithm as soon as the next key is known everywhere.
type rotation struct {
	Alg    string `json:"alg"`
	Now    bool   `json:"now"`
	Revoke bool   `json:"revoke"`
}

// RotateKeys begins or ends a rotation and answers what changed, and all keys.
func (h *Handlers) RotateKeys(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	var body rotation
	if err := web.DecodeBody(r.Body, &body); err != nil {
		return web.Response{}, err
	}
	changed, err := h.Keys.Rotate(ctx, keys.Rotation(body))
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, keyList{Changed: showKeys(changed), Items: showKeys(h.Keys.Entries())})
}
