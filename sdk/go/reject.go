package ostiary

import (
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
)

// A Rejection is the error that refuses a registration or an update.
type Rejection struct {
	Code        Code
	Description string
}

// Error gives code and description.
func (r *Rejection) Error() string { return string(r.Code) + ": " + r.Description }

// Reject refuses the registration or update. The client reads code and text; say what is wrong and what to do. What RFC 6749
// §5.2 does not allow in an error_description (quotes, backslashes, anything but ASCII) is replaced.
func Reject(code Code, text string) error {
	return &Rejection{Code: code, Description: describable(text)}
}

func (r *Rejection) allowed() bool { return slices.Contains(abi.RejectCodes(), string(r.Code)) }

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
