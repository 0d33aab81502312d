package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/policies"
)

// A bundleSource is where the policy bundle comes from: a file, or an address that is asked again and again.
type bundleSource struct {
	file   string // of the bundle; empty: url
	url    string
	bearer core.Secret
	every  time.Duration             // between two askings
	key    *policies.VerificationKey // that must have signed it; nil: nobody needs to
	older  bool                      // a bundle may be older than the one before
	peer   *fetch.Peer
	now    func() time.Time
	random func() float64 // from 0 to 1

	mu       sync.Mutex
	last     *delivery // the last that was read and may be used
	at       time.Time // when it was read, or known to be the same still
	failures int       // in a row
	failure  string    // the last one; empty: it went well
}

// A delivery is a bundle as it came.
type delivery struct {
	*policies.Bundle
	packed []byte
	etag   string
}

// longestETag is more than any server needs; a longer one is not sent back.
const longestETag = 256

// fetchTime bounds one asking; a start waits for the first.
const fetchTime = 15 * time.Second

// newBundleSource makes the source that the settings name.
func newBundleSource(s settings, now func() time.Time) (*bundleSource, error) {
	set := s.Policy.Bundle
	b := &bundleSource{file: set.File, url: set.URL, bearer: set.Bearer, every: set.Interval, older: set.AllowDowngrade, now: now, random: rand.Float64}
	if set.Key.File != "" {
		text, err := os.ReadFile(set.Key.File)
		if err == nil {
			b.key, err = policies.NewVerificationKey(set.Key.ID, text)
		}
		if err != nil {
			return nil, fmt.Errorf("policy.bundle.key: %w", err)
		}
	}
	if b.url == "" {
		return b, nil
	}
	opt := fetch.PeerOptions{Timeout: fetchTime}
	if ca := cmp.Or(set.CA, s.TrustCA); ca != "" {
		pool, err := fetch.LoadCA(ca)
		if err != nil {
			return nil, fmt.Errorf("policy.bundle.ca: %w", err)
		}
		opt.TrustCA = pool
	}
	b.peer = fetch.NewPeer(opt)
	return b, nil
}

func (b *bundleSource) close() error {
	if b.peer != nil {
		b.peer.Close()
	}
	return nil
}

// read gives the bundle as it is now, verified and acceptable.
func (b *bundleSource) read(ctx context.Context, acceptable func(context.Context, *delivery) error) (*delivery, error) {
	b.mu.Lock()
	last := b.last
	b.mu.Unlock()
	var d *delivery
	var err error
	if b.peer != nil {
		d, err = b.fetch(ctx, last)
	} else {
		d = &delivery{}
		if d.packed, err = policies.ReadBundleFile(b.file); err == nil {
			d.Bundle, err = b.open(d.packed)
		}
	}
	if err == nil {
		err = acceptable(ctx, d)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && ctx.Err() == nil { // else the server ends, which is no failure
		b.failures, b.failure = b.failures+1, err.Error()
	}
	if err != nil {
		return nil, err
	}
	b.last, b.at, b.failures, b.failure = d, b.now(), 0, ""
	return d, nil
}

// failed tells how often in a row it could not be read, or was refused; 0 for no source at all.
func (b *bundleSource) failed() int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures
}

// open reads a bundle and verifies it. A signature that nobody can look at is no reason to trust it.
func (b *bundleSource) open(packed []byte) (*policies.Bundle, error) {
	read, err := policies.ReadBundle(packed, b.key)
	if err == nil && read.Signed && b.key == nil {
		err = errors.New("the bundle is signed, and no key is configured to verify it; set policy.bundle.key")
	}
	if err != nil {
		return nil, err
	}
	return read, nil
}

// unreached is a failure to get an answer that says what the bundle is now.
type unreached struct{ error }

// fetch asks for the bundle, unless it is the last one still.
func (b *bundleSource) fetch(ctx context.Context, last *delivery) (*delivery, error) {
	header := http.Header{"Accept": {"application/gzip, application/octet-stream"}}
	if b.bearer != "" {
		header.Set("Authorization", "Bearer "+b.bearer.Reveal())
	}
	if last != nil && last.etag != "" {
		header.Set("If-None-Match", last.etag)
	}
	answer, err := b.peer.Do(ctx, fetch.Request{URL: b.url, Header: header})
	if err != nil {
		return nil, unreached{fmt.Errorf("the bundle cannot be fetched: %w", err)}
	}
	switch {
	case answer.Status == http.StatusNotModified && last != nil:
		return last, nil
	case answer.Status >= 300 && answer.Status < 400:
		return nil, unreached{fmt.Errorf("the bundle cannot be fetched: %s answers %d and leads elsewhere, which is not followed; name the place itself", fetch.Shown(b.url), answer.Status)}
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
		return nil, unreached{fmt.Errorf("the bundle cannot be fetched: %s answers %d; check policy.bundle.bearer", fetch.Shown(b.url), answer.Status)}
	case answer.Status != http.StatusOK:
		return nil, unreached{fmt.Errorf("the bundle cannot be fetched: %s answers %d", fetch.Shown(b.url), answer.Status)}
	}
	d := &delivery{packed: answer.Body}
	if etag := answer.Header.Get("ETag"); len(etag) <= longestETag {
		d.etag = etag
	}
	d.Bundle, err = b.open(d.packed)
	return d, err
}

// firstPause is that after one failure.
const firstPause = time.Second

// pause is how long to wait before asking again: the interval, or less after a failure, a little more each time. No two servers
// keep step.
func (b *bundleSource) pause() time.Duration {
	failures := b.failed()
	if failures == 0 {
		return time.Duration(float64(b.every) * (0.9 + 0.2*b.random()))
	}
	wait := min(b.every, firstPause<<min(failures-1, 20))
	return time.Duration(float64(wait) * (0.5 + 0.5*b.random()))
}

// bundleStatus is the part of /api/admin/policies about a bundle: the one in force, and how reading it again went.
type bundleStatus struct {
	File     string     `json:"file,omitempty"`
	URL      string     `json:"url,omitempty"`
	Revision string     `json:"revision"`
	Sequence int64      `json:"sequence,omitempty"`
	KeyID    string     `json:"key_id,omitempty"` // of the key that it was verified by
	ETag     string     `json:"etag,omitempty"`
	ReadAt   *time.Time `json:"read_at,omitempty"` // last; absent: not since the start
	Failures int        `json:"failures"`          // in a row, since
	Failure  string     `json:"failure,omitempty"`
}

// status tells of the source, and of the bundle in force.
func (b *bundleSource) status(inForce *policies.Bundle) *bundleStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &bundleStatus{File: b.file, Failures: b.failures, Failure: b.failure}
	if b.url != "" {
		s.URL = fetch.Shown(b.url)
	}
	if inForce != nil {
		s.Revision, s.Sequence, s.KeyID = inForce.Revision, inForce.Sequence, inForce.Signer
	}
	if b.last != nil {
		at := b.at // not the guarded one: the answer is written later
		s.ETag, s.ReadAt = b.last.etag, &at
	}
	return s
}
