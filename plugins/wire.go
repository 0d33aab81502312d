package plugins

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// The wire's structs with our JSON in them.
type (
	input    = abi.Input[strictjson.Value]
	setup    = abi.Setup[strictjson.Value]
	envelope = abi.Envelope[strictjson.Value]
)

// entropy is the randomness of one call.
type entropy [32]byte

func newEntropy() entropy {
	var e entropy
	_, _ = rand.Read(e[:]) // never fails since Go 1.24
	return e
}

// writeInput writes what a plugin is told, reduced to what its manifest reads.
func writeInput(m *Manifest, call hook.Call, e entropy) ([]byte, error) {
	in := input{
		V: abi.Major, Hook: string(call.Point), Context: wireContext(&call.Context),
		Client: m.visible(call.Client), Entropy: base64.StdEncoding.EncodeToString(e[:]),
	}
	if !call.Before.IsAbsent() {
		in.Before = m.visible(call.Before)
	}
	return json.Marshal(in)
}

func wireContext(c *hook.Context) abi.Context[strictjson.Value] {
	out := abi.Context[strictjson.Value]{
		DecisionID: string(c.DecisionID), Operation: string(c.Operation), Channel: string(c.Channel), ClientID: string(c.ClientID),
		Profile: c.Profile, Now: unix(c.Now), Locked: present(c.Locked),
		Caller: abi.Caller{
			Kind: c.Caller.Kind, IP: c.Caller.IP, Origin: c.Caller.Origin, UserAgent: c.Caller.UserAgent,
			Subject: string(c.Caller.Subject), ClientID: string(c.Caller.ClientID),
			Scopes: present(c.Caller.Scopes), Roles: present(c.Caller.Roles),
		},
	}
	if c.IATLabel != "" {
		out.InitialAccessToken = &abi.InitialAccessToken{Label: c.IATLabel}
	}
	if !c.Statement.IsAbsent() {
		out.SoftwareStatement = &abi.Statement[strictjson.Value]{Claims: c.Statement}
	}
	return out
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// present makes a nil list an empty one, which is an array on the wire.
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// visible leaves of a document what the plugin may read.
func (m *Manifest) visible(doc strictjson.Value) strictjson.Value {
	if slices.Contains(m.Reads, allMembers) && doc.Kind() == strictjson.KindObject {
		return doc
	}
	kept := slices.DeleteFunc(doc.Members(), func(member strictjson.Member) bool { return !m.mayRead(member.Name) })
	return strictjson.Object(kept...)
}

// writeSetup writes what ostiary_configure is given.
func writeSetup(m *Manifest) ([]byte, error) {
	s := setup{V: abi.Major, Name: m.Name, Version: m.Version, Hooks: []string{}, Configuration: m.Configuration}
	for _, p := range m.points() {
		s.Hooks = append(s.Hooks, string(p))
	}
	if s.Configuration.Kind() != strictjson.KindObject {
		s.Configuration = strictjson.Object()
	}
	return json.Marshal(s)
}

// readAnswer reads what a hook answered, as strictly as a request from the internet.
func readAnswer(answer []byte, p hook.Point) (hook.Result, error) {
	e, err := readEnvelope(answer)
	if err != nil {
		return hook.Result{}, err
	}
	if e.Error != nil && !p.Proposes() {
		return hook.Result{}, fmt.Errorf("it rejected in %s, where the client exists already", p)
	}
	r := hook.Result{Action: hook.Action(e.Action), Patch: e.Patch, Audit: e.Audit, Warnings: e.Warnings}
	if e.Error != nil {
		r.Code, r.Message = core.Code(e.Error.Code), e.Error.Description
	}
	return r, nil
}

// readSetUp reads what ostiary_configure answered; a refusal is an error.
func readSetUp(answer []byte) error {
	e, err := readEnvelope(answer)
	switch {
	case err != nil:
		return err
	case e.Error != nil:
		return fmt.Errorf("it refused its configuration: %s", e.Error.Description)
	case e.Action != abi.ActionContinue:
		return fmt.Errorf("it answered its configuration with the action %q", e.Action)
	}
	return nil
}

func readEnvelope(answer []byte) (envelope, error) {
	var e envelope
	limits := strictjson.Limits{MaxBytes: abi.MaxAnswer, MaxDepth: abi.MaxDepth, MaxMembers: abi.MaxMembers}
	if err := strictjson.Decode(answer, &e, limits); err != nil {
		return envelope{}, fmt.Errorf("its answer is not an envelope: %w", err)
	}
	if e.V != abi.Major {
		return envelope{}, fmt.Errorf("its answer has v %d, not %d", e.V, abi.Major)
	}
	return e, errors.Join(checkAction(&e), checkNotes(&e))
}

// checkAction verifies that the action is one we know and has what belongs to it, and nothing else.
func checkAction(e *envelope) error {
	switch e.Action {
	case abi.ActionContinue, abi.ActionPatch, abi.ActionReject:
	default:
		return fmt.Errorf("there is no action %q", clipped(e.Action))
	}
	switch {
	case (e.Action == abi.ActionPatch) == e.Patch.IsAbsent():
		return fmt.Errorf("the member patch belongs to the action patch, and only to it")
	case !e.Patch.IsAbsent() && e.Patch.Kind() != strictjson.KindObject:
		return fmt.Errorf("patch is %s, not an object", e.Patch.Kind())
	case (e.Action == abi.ActionReject) == (e.Error == nil):
		return fmt.Errorf("the member error belongs to the action reject, and only to it")
	case e.Error == nil:
		return nil
	case !slices.Contains(abi.RejectCodes(), e.Error.Code):
		return fmt.Errorf("a plugin may not reject with the code %q", clipped(e.Error.Code))
	case e.Error.Description == "" || len(e.Error.Description) > abi.MaxDescription:
		return fmt.Errorf("the description of an error must have 1 to %d bytes", abi.MaxDescription)
	case strings.ContainsFunc(e.Error.Description, undescribable):
		return fmt.Errorf("the description of an error must be printable ASCII without quote and backslash")
	}
	return nil
}

// undescribable tells which characters RFC 6749 §5.2 keeps out of error_description.
func undescribable(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

// checkNotes verifies warnings and audit.
func checkNotes(e *envelope) error {
	if len(e.Warnings) > abi.MaxWarnings {
		return fmt.Errorf("there are %d warnings, at most %d are allowed", len(e.Warnings), abi.MaxWarnings)
	}
	for _, w := range e.Warnings {
		if w == "" || utf8.RuneCountInString(w) > abi.MaxWarning || strings.ContainsFunc(w, unprintable) {
			return fmt.Errorf("a warning must have 1 to %d printable characters", abi.MaxWarning)
		}
	}
	switch {
	case e.Audit.IsAbsent():
	case e.Audit.Kind() != strictjson.KindObject:
		return fmt.Errorf("audit is %s, not an object", e.Audit.Kind())
	case len(strictjson.Append(nil, e.Audit)) > abi.MaxAudit:
		return fmt.Errorf("audit is longer than %d bytes", abi.MaxAudit)
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// clipped keeps a plugin's own word short in our texts.
func clipped(s string) string {
	const limit = 40
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
