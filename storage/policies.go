package storage

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Policies keeps the last policy source that passed every check, sealed, so that a start with a broken folder or without a
// network decides as before. What is too large for one record is kept apart, in records named after their content, so that the
// one before stays whole until the next one is.
type Policies struct {
	table Table[PolicySource]
	parts Table[policyPart]
	mark  Table[policyMark]
}

// A PolicySource is what a revision was made of.
type PolicySource struct {
	Revision string            `json:"revision"`
	Files    map[string]string `json:"files"`            // of a folder
	Bundle   []byte            `json:"bundle,omitempty"` // as it was packed, with its signature; then there are no files
	Sequence int64             `json:"sequence,omitempty"`
	Content  string            `json:"content,omitempty"` // names what is in the bundle
	Site     string            `json:"site"`              // dcr_config.yaml as it was
	SavedAt  time.Time         `json:"saved_at"`

	Apart     int    `json:"apart,omitempty"`      // the store's own: in how many records files and bundle are kept
	ApartName string `json:"apart_name,omitempty"` // and how these are named
}

type policyPart struct {
	Data []byte `json:"data"`
}

// A policyMark is the signed bundle that was accepted last.
type policyMark struct {
	Sequence int64  `json:"sequence"`
	Content  string `json:"content"`
}

// policyContent is what is kept apart.
type policyContent struct {
	Files  map[string]string `json:"files"`
	Bundle []byte            `json:"bundle"`
}

// Sizes of what is kept of a policy, in bytes.
const (
	maxWhole         = 128 << 10 // of files and bundle in one record: what is sealed, and JSON makes of it, must be under MaxApply
	partSize         = 512 << 10
	maxParts         = 64
	maxPolicyContent = 32 << 20
)

// NewPolicies opens the stored policy of one issuer.
func NewPolicies(engine Engine, issuer core.IssuerID, ring *seal.Ring) Policies {
	return Policies{
		table: NewTable[PolicySource](engine, string(issuer), "policy", 1).Sealed(ring),
		parts: NewTable[policyPart](engine, string(issuer), "policy_part", 1).Sealed(ring),
		mark:  NewTable[policyMark](engine, string(issuer), "policy_mark", 1).Sealed(ring),
	}
}

// LastGood gives the stored source; false when there is none.
func (p Policies) LastGood(ctx context.Context) (PolicySource, bool, error) {
	source, record, err := p.table.Get(ctx, "last_good")
	if err == nil && source.Apart > 0 {
		source, err = p.joined(ctx, source)
	}
	if err != nil {
		return PolicySource{}, false, asError(err)
	}
	return source, !record.Version.IsZero(), nil
}

// Accepted gives sequence and content of the signed bundle that was saved last; 0 when there was none.
func (p Policies) Accepted(ctx context.Context) (sequence int64, content string, err error) {
	mark, _, err := p.mark.Get(ctx, "last_good")
	return mark.Sequence, mark.Content, asError(err)
}

// ErrUntidy means that a source was saved, and that parts of those before it are left over. The next Save removes them.
var ErrUntidy = errors.New("what is left of earlier policies could not be removed")

var errPolicyTooLarge = fmt.Errorf("the policy is too large to be kept as last good: %w", ErrTooLarge)

// Save stores a source as the last good one. A sequence is remembered beyond sources that have none, with its content. One that
// is over the limits is reported and not stored.
func (p Policies) Save(ctx context.Context, source PolicySource) error {
	size := len(source.Bundle)
	for name, text := range source.Files {
		size += len(name) + len(text)
	}
	var err error
	if size > maxPolicyContent { // JSON only makes more of it
		return errPolicyTooLarge
	}
	if size > maxWhole {
		if source, err = p.split(ctx, source); err != nil {
			return asError(err)
		}
	}
	op, err := p.table.Put(source, time.Time{}, "last_good")
	if err != nil {
		return asError(err)
	}
	ops := []Op{op}
	if source.Sequence > 0 {
		if op, err = p.marked(ctx, policyMark{source.Sequence, source.Content}); err != nil {
			return asError(err)
		}
		ops = append(ops, op)
	}
	if err := p.table.engine.Apply(ctx, ops...); err != nil {
		return asError(err)
	}
	if err := p.tidy(ctx, source.ApartName); err != nil {
		return fmt.Errorf("%w: %w", ErrUntidy, err)
	}
	return nil
}

// marked remembers a signed bundle. It refuses when somebody else has done so since it was read.
func (p Policies) marked(ctx context.Context, mark policyMark) (Op, error) {
	_, record, err := p.mark.Get(ctx, "last_good")
	switch {
	case err != nil:
		return Op{}, err
	case record.Version.IsZero():
		return p.mark.Insert(mark, time.Time{}, "last_good")
	}
	return p.mark.Update(record.Version, mark, time.Time{}, "last_good")
}

// split keeps files and bundle apart, and gives the source without them.
func (p Policies) split(ctx context.Context, source PolicySource) (PolicySource, error) {
	text, err := marshal(nil, policyContent{source.Files, source.Bundle})
	if err != nil {
		return source, err
	}
	if len(text) > maxPolicyContent {
		return source, errPolicyTooLarge
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	if err != nil {
		return source, err
	}
	if packed.Len() > maxParts*partSize {
		return source, errPolicyTooLarge
	}
	sum := sha256.Sum256(packed.Bytes())
	source.Files, source.Bundle, source.Apart, source.ApartName = nil, nil, 0, hex.EncodeToString(sum[:16])
	for packed.Len() > 0 {
		op, err := p.parts.Put(policyPart{packed.Next(partSize)}, time.Time{}, source.ApartName, partName(source.Apart))
		if err == nil {
			err = p.table.engine.Apply(ctx, op)
		}
		if err != nil {
			return source, err
		}
		source.Apart++
	}
	return source, nil
}

func partName(i int) string { return fmt.Sprintf("%04d", i) }

// joined puts back what is kept apart.
func (p Policies) joined(ctx context.Context, source PolicySource) (PolicySource, error) {
	var packed bytes.Buffer
	for i := range min(source.Apart, maxParts) {
		part, record, err := p.parts.Get(ctx, source.ApartName, partName(i))
		if err == nil && record.Version.IsZero() {
			err = errors.New("a part of the stored policy is missing")
		}
		if err != nil {
			return source, err
		}
		packed.Write(part.Data)
	}
	r, err := gzip.NewReader(&packed)
	if err != nil {
		return source, fmt.Errorf("stored policy: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPolicyContent+1))
	if err != nil {
		return source, fmt.Errorf("stored policy: %w", err)
	}
	var content policyContent
	if err := strictjson.Decode(withoutNUL(text), &content, strictjson.Limits{MaxBytes: maxPolicyContent, MaxMembers: 64 << 10}); err != nil {
		return source, fmt.Errorf("stored policy: %w", err)
	}
	source.Files, source.Bundle, source.Apart, source.ApartName = content.Files, content.Bundle, 0, ""
	return source, nil
}

// tidy removes the parts of sources before.
func (p Policies) tidy(ctx context.Context, kept string) error {
	for after := Key(""); ; {
		records, err := p.parts.engine.Scan(ctx, Range{Prefix: p.parts.Prefix(), After: after, Limit: 16})
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			after = r.Key
			if parts := r.Key.Parts(); len(parts) < 2 || parts[len(parts)-2] == kept {
				continue
			}
			if err := p.parts.engine.Apply(ctx, Delete(r.Key, Version{})); err != nil {
				return err
			}
		}
	}
}
