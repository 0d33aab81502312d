package registration

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Revocation says where an issuer takes back software statements: in a list, or by an answer about each (RFC 7662). What was
// taken back is refused, and the clients made from it are disabled (recall.go).
type Revocation struct {
	List          string        `yaml:"list"`                    // https URL or file: {"jti": [], "software_id": [], "org_id": []}; or
	Introspection string        `yaml:"introspection"`           // https URL: the statement is posted as token, and answered {"active": true}
	Authorization core.Secret   `yaml:"authorization"`           // the header of that name, for either
	Every         time.Duration `yaml:"every" range:"10s..168h"` // how often to ask about the clients; absent: 5m. A list is believed so long
}

// isSet tells whether statements can be taken back.
func (r Revocation) isSet() bool { return r.List != "" || r.Introspection != "" }

// every is how long a list is believed, and the time between two looks at the clients.
func (r Revocation) every() time.Duration {
	if r.Every == 0 {
		return 5 * time.Minute
	}
	return r.Every
}

func (r Revocation) validate(add func(member, text string)) {
	switch {
	case r.List != "" && r.Introspection != "":
		add(".introspection", "stands beside list; leave one of them out")
	case !r.isSet() && (r.Authorization != "" || r.Every != 0):
		add("", "needs list or introspection")
	}
	if strings.Contains(r.List, "://") && !isPeer(r.List) || strings.Contains(r.List, "\x00") || r.List != "" && filepath.Clean(r.List) == "." {
		add(".list", "must be an https URL without user and fragment, or the name of a file")
	}
	if r.Introspection != "" && !isPeer(r.Introspection) {
		add(".introspection", "must be an https URL without user and fragment")
	}
}

// A RevocationSource asks issuers what they have taken back.
type RevocationSource interface {
	// List reads the list at an address, which is a URL or a file.
	List(ctx context.Context, address string, authorization core.Secret) ([]byte, error)
	// Introspect posts a statement, and gives the answer.
	Introspect(ctx context.Context, endpoint string, authorization core.Secret, statement string) ([]byte, error)
}

const (
	ruleRevoked     = "statement.revoked"
	revocationPause = 30 * time.Second // the least time between two tries
	revocationStale = 24 * time.Hour   // so long the last list counts while its issuer cannot be reached
)

// revocations are the lists of issuers, each read by one goroutine at a time.
type revocations struct {
	source RevocationSource
	now    func() time.Time
	mu     sync.Mutex
	lists  map[string]*revocationList
}

// revocationList is what is known of one list. Whoever holds its turn may read and change it.
type revocationList struct {
	turn    chan struct{}
	revoked map[string]map[string]bool // by claim
	read    time.Time                  // zero: never
	tried   time.Time
	failure error
}

func newRevocations(source RevocationSource, now func() time.Time) *revocations {
	return &revocations{source: source, now: now, lists: map[string]*revocationList{}}
}

// listed are the claims that a list may name.
var listed = [...]string{"jti", "software_id", "org_id"}

// why tells what a statement was revoked by; empty: by nothing. An error says that it cannot be known now.
func (r *revocations) why(ctx context.Context, by Revocation, statement string, claims strictjson.Value) (string, error) {
	switch {
	case !by.isSet():
		return "", nil
	case r.source == nil:
		return "", errors.New("nobody can be asked about revocations here")
	case by.Introspection != "":
		return r.introspected(ctx, by, statement)
	}
	revoked, err := r.list(ctx, by)
	if err != nil {
		return "", err
	}
	for _, claim := range listed {
		if value, ok := field(claims, claim); ok && revoked[claim][value] {
			return claim, nil
		}
	}
	return "", nil
}

func (r *revocations) introspected(ctx context.Context, by Revocation, statement string) (string, error) {
	body, err := r.source.Introspect(ctx, by.Introspection, by.Authorization, statement)
	if err != nil {
		return "", err
	}
	doc, err := strictjson.Parse(body, strictjson.Default)
	if err != nil {
		return "", fmt.Errorf("the answer about a statement: %w", err)
	}
	v, _ := doc.Get("active")
	active, ok := v.Bool()
	switch {
	case !ok:
		return "", errors.New("the answer about a statement has no member active")
	case !active:
		return "introspection", nil
	}
	return "", nil
}

// list gives the list, read anew when it is old. While that fails the last one counts for a day.
func (r *revocations) list(ctx context.Context, by Revocation) (map[string]map[string]bool, error) {
	l := r.place(by.List)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if now := r.now(); now.Sub(l.tried) >= revocationPause && now.Sub(l.read) >= by.every() {
		if err := l.refresh(ctx, r.source, by); err == nil {
			l.read = now
		} else if ctx.Err() != nil {
			return nil, ctx.Err() // which says nothing of the issuer
		} else {
			l.failure = err
		}
		l.tried = now
	}
	if l.read.IsZero() || r.now().Sub(l.read) > max(revocationStale, by.every()) {
		return nil, fmt.Errorf("list of revoked statements: %w", l.failure)
	}
	return l.revoked, nil
}

func (r *revocations) place(address string) *revocationList {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.lists[address]
	if !ok {
		l = &revocationList{turn: make(chan struct{}, 1)}
		r.lists[address] = l
	}
	return l
}

// revocationLimits let a list of a hundred thousand statements through.
var revocationLimits = strictjson.Limits{MaxBytes: 8 << 20, MaxDepth: 4, MaxMembers: 200_000}

// refresh reads a list: an object whose members are arrays of strings. Other members are left alone, but one that is known must be
// understood.
func (l *revocationList) refresh(ctx context.Context, source RevocationSource, by Revocation) error {
	body, err := source.List(ctx, by.List, by.Authorization)
	if err != nil {
		return err
	}
	doc, err := strictjson.Parse(body, revocationLimits)
	if err != nil {
		return err
	}
	if doc.Kind() != strictjson.KindObject {
		return errors.New("it is no JSON object")
	}
	revoked := make(map[string]map[string]bool)
	for _, claim := range listed {
		v, given := doc.Get(claim)
		values, ok := v.Strings()
		if given && !ok {
			return fmt.Errorf("its member %s is no array of strings", claim)
		}
		revoked[claim] = make(map[string]bool, len(values))
		for _, value := range values {
			revoked[claim][value] = true
		}
	}
	l.revoked = revoked
	return nil
}

// notRevoked refuses what its issuer took back, and what cannot be known to be good.
func (j *judgement) notRevoked(ctx context.Context, by Revocation, statement string, claims strictjson.Value) error {
	why, err := j.desk.revoked.why(ctx, by, statement, claims)
	switch {
	case err != nil:
		return unreachable("Whether the software statement was revoked cannot be known now; try again later.", err)
	case why != "":
		return core.Refuse(core.InvalidSoftwareStatement, "The software statement was revoked by its issuer.")
	}
	return nil
}
