package plugins

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// silence is what a plugin made with our SDKs answers when it has nothing to say: the most common answer there is.
const silence = `{"v":1,"action":"continue"}`

// readAnswer reads what a hook answered, as strictly as a request from the internet.
func readAnswer(answer []byte, p hook.Point) (hook.Result, error) {
	if string(answer) == silence {
		return hook.Result{Action: hook.Continue}, nil
	}
	e, err := readEnvelope(answer)
	if err == nil {
		err = checkPoint(&e, p)
	}
	if err != nil {
		return hook.Result{}, err
	}
	r := hook.Result{Action: hook.Action(e.Action), Patch: e.Patch, Audit: e.Audit, Warnings: e.Warnings}
	if e.Error != nil {
		r.Code, r.Message, r.Extra = core.Code(e.Error.Code), e.Error.Description, e.Error.Extra
	}
	if e.Action == abi.ActionResult {
		if err := readResult(&r, e.Result, p); err != nil {
			return hook.Result{}, err
		}
	}
	return r, nil
}

// checkPoint verifies that the hook may answer what it did.
func checkPoint(e *envelope, p hook.Point) error {
	may := p.Answers()
	switch {
	case e.Action == abi.ActionPatch && !may.Patches && !may.Adds, e.Action == abi.ActionResult && !may.Results:
		return fmt.Errorf("it answered %s with the action %s, which that hook does not have", p, e.Action)
	case e.Error == nil:
		return nil
	case len(may.Rejects) == 0:
		return fmt.Errorf("it rejected in %s, where what was asked for is done already", p)
	case !p.MayReject(core.Code(e.Error.Code)):
		return fmt.Errorf("a plugin may not reject with the code %q in %s", clipped(e.Error.Code), p)
	}
	return nil
}

// readResult reads what a hook gave. Its errors name no value: it may be a key.
func readResult(r *hook.Result, given strictjson.Value, p hook.Point) error {
	if p == hook.MintClientID {
		var minted abi.MintedID
		if given.Decode(&minted) != nil || !plainID(minted.ClientID) {
			return fmt.Errorf("the result of %s must have one member, client_id, of 1 to %d of A-Z a-z 0-9 - . _ ~", p, abi.MaxClientID)
		}
		r.ClientID = core.ClientID(minted.ClientID)
		return nil
	}
	var k keys
	if given.Decode(&k) != nil || k.JWKS.IsAbsent() == (k.Secret == "") {
		return fmt.Errorf("the result of %s must have one member, jwks or secret", p)
	}
	if len(k.Secret) > abi.MaxSecret || !k.JWKS.IsAbsent() && k.JWKS.Kind() != strictjson.KindObject {
		return fmt.Errorf("the result of %s must be a JWK Set as an object, or a secret of 1 to %d bytes", p, abi.MaxSecret)
	}
	r.Keys.Secret = core.Secret(k.Secret)
	if !k.JWKS.IsAbsent() {
		r.Keys.JWKS = string(strictjson.Append(nil, k.JWKS))
	}
	return nil
}

// plainID tells client ids that stand in a path as they are.
func plainID(id string) bool {
	other := func(c rune) bool {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
	}
	return id != "" && len(id) <= abi.MaxClientID && strings.Trim(id, ".") != "" && !strings.ContainsFunc(id, other)
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
	doc, err := strictjson.Parse(answer, strictjson.Limits{MaxBytes: abi.MaxAnswer, MaxDepth: abi.MaxDepth, MaxMembers: abi.MaxMembers})
	e, usual := usualEnvelope(doc)
	if err == nil && !usual {
		e, err = anyEnvelope(doc)
	}
	if err != nil {
		return envelope{}, fmt.Errorf("its answer is not an envelope: %w", err)
	}
	if e.V != abi.Major {
		return envelope{}, fmt.Errorf("its answer has v %d, not %d", e.V, abi.Major)
	}
	return e, errors.Join(checkAction(&e), checkError(e.Error), checkNotes(&e))
}

// usualEnvelope reads an envelope that has nothing but an action, a patch and an audit, without a look at the type of each member.
func usualEnvelope(doc strictjson.Value) (e envelope, usual bool) {
	for name, v := range doc.All() {
		var ok bool
		switch name {
		case "v":
			var major int64
			major, ok = v.Int64()
			e.V = int(major)
		case "action":
			e.Action, ok = v.Text()
		case "patch":
			e.Patch, ok = v, !v.IsNull()
		case "audit":
			e.Audit, ok = v, !v.IsNull()
		}
		if !ok {
			return envelope{}, false
		}
	}
	return e, doc.Kind() == strictjson.KindObject
}

// anyEnvelope reads an envelope that may have all there can be, and nothing else.
func anyEnvelope(doc strictjson.Value) (e envelope, err error) {
	err = doc.Decode(&e)
	return e, err
}

// checkAction verifies that the action is one we know and has what belongs to it, and nothing else.
func checkAction(e *envelope) error {
	switch e.Action {
	case abi.ActionContinue, abi.ActionPatch, abi.ActionResult, abi.ActionReject:
	default:
		return fmt.Errorf("there is no action %q", clipped(e.Action))
	}
	switch {
	case (e.Action == abi.ActionPatch) == e.Patch.IsAbsent():
		return fmt.Errorf("the member patch belongs to the action patch, and only to it")
	case !e.Patch.IsAbsent() && e.Patch.Kind() != strictjson.KindObject:
		return fmt.Errorf("patch is %s, not an object", e.Patch.Kind())
	case (e.Action == abi.ActionResult) == e.Result.IsAbsent():
		return fmt.Errorf("the member result belongs to the action result, and only to it")
	case !e.Result.IsAbsent() && e.Result.Kind() != strictjson.KindObject:
		return fmt.Errorf("result is %s, not an object", e.Result.Kind())
	case (e.Action == abi.ActionReject) == (e.Error == nil):
		return fmt.Errorf("the member error belongs to the action reject, and only to it")
	}
	return nil
}

// checkError verifies what a refusal says to the client.
func checkError(e *abi.Error[strictjson.Value]) error {
	switch {
	case e == nil:
		return nil
	case e.Description == "" || len(e.Description) > abi.MaxDescription:
		return fmt.Errorf("the description of an error must have 1 to %d bytes", abi.MaxDescription)
	case strings.ContainsFunc(e.Description, undescribable):
		return fmt.Errorf("the description of an error must be printable ASCII without quote and backslash")
	case e.Extra.IsAbsent():
		return nil
	case e.Extra.Kind() != strictjson.KindObject:
		return fmt.Errorf("the extra of an error is %s, not an object", e.Extra.Kind())
	case e.Extra.Len() > abi.MaxExtras || len(strictjson.Append(nil, e.Extra)) > abi.MaxExtra:
		return fmt.Errorf("the extra of an error may have %d members and %d bytes", abi.MaxExtras, abi.MaxExtra)
	}
	for name := range e.Extra.All() {
		if hook.OwnInError(name) {
			return fmt.Errorf("the extra of an error may not have %s, which the answer has itself", name)
		}
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
