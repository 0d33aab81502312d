package ostiary

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A Code is the word a refusal carries in its "error" member.
type Code string

// The codes a plugin may reject with.
const (
	InvalidRedirectURI          Code = abi.InvalidRedirectURI
	InvalidClientMetadata       Code = abi.InvalidClientMetadata
	InvalidSoftwareStatement    Code = abi.InvalidSoftwareStatement
	UnapprovedSoftwareStatement Code = abi.UnapprovedSoftwareStatement
	InvalidScope                Code = abi.InvalidScope
	AccessDenied                Code = abi.AccessDenied
	InvalidClient               Code = abi.InvalidClient // in certificate_check
	InvalidGrant                Code = abi.InvalidGrant  // in token_claims
	InvalidTarget               Code = abi.InvalidTarget // in token_claims
	StaleEvidence               Code = abi.StaleEvidence // with the nonce that fresh evidence is to have
)

// A Rejection is the error that refuses what was asked for.
type Rejection struct {
	Code        Code
	Description string
	Extra       []Member // more members of the error answer
}

// Error gives code and description.
func (r *Rejection) Error() string { return string(r.Code) + ": " + r.Description }

// Reject refuses what was asked for. Which codes a hook has, sdk/README.md says. The client reads code and text; say what is wrong and what to do. What RFC 6749
// §5.2 does not allow in an error_description (quotes, backslashes, anything but ASCII) is replaced.
func Reject(code Code, text string) error {
	return &Rejection{Code: code, Description: describable(text)}
}

// RejectWith is Reject with more members for the error answer: at most 8 in 1 KiB, none that the answer has itself.
func RejectWith(code Code, text string, extra ...Member) error {
	return &Rejection{Code: code, Description: describable(text), Extra: extra}
}

// allowed tells whether the rejection is one that a hook can answer with.
func (r *Rejection) allowed(hook string) error {
	codes := abi.RejectCodes(hook)
	switch {
	case len(codes) == 0:
		return errors.New("the hook " + hook + " cannot reject: what was asked for is done already")
	case !slices.Contains(codes, string(r.Code)):
		return errors.New("a plugin may not reject with the code " + string(r.Code) + " in " + hook)
	case len(r.Extra) > abi.MaxExtras || len(appendObject(nil, r.Extra)) > abi.MaxExtra:
		return errors.New("the extra members of a rejection are too many or too long")
	}
	for _, m := range r.Extra {
		if abi.OwnInError(m.Name) {
			return errors.New("the error answer has a member " + m.Name + " itself")
		}
	}
	return nil
}

// describable makes text fit for an error_description.
func describable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\':
			return '/'
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), abi.MaxDescription)]
}

// printable makes text fit for a warning.
func printable(text string) string {
	kept := 0
	return strings.Map(func(r rune) rune {
		if kept++; kept > abi.MaxWarning {
			return -1
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
