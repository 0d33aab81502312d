package oauth

import (
	"net/url"
	"slices"
)

// Params are the parameters of a request, as a query or a form body carries them. A parameter without a value counts as not
// sent (RFC 6749 §3.1, §3.2).
type Params map[string][]string

// ParseParams reads an application/x-www-form-urlencoded text. It fails on what is not percent-encoded as it should be; what is
// repeated is for Repeated to tell.
func ParseParams(text string) (Params, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	for name, sent := range values {
		if sent = slices.DeleteFunc(sent, func(v string) bool { return v == "" }); len(sent) == 0 {
			delete(values, name)
		} else {
			values[name] = sent
		}
	}
	return Params(values), nil
}

// Get gives the first value of a parameter, or "".
func (p Params) Get(name string) string {
	if values := p[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Has tells whether a parameter was sent with a value.
func (p Params) Has(name string) bool { return len(p[name]) > 0 }

// Repeated gives the name of a parameter that was sent more than once, the first in alphabetical order; "" when there is none.
// RFC 6749 §3.1 forbids that; those of may (such as "resource", RFC 8707 §2) are allowed to.
func (p Params) Repeated(may ...string) string {
	first := ""
	for name, values := range p {
		if len(values) > 1 && !slices.Contains(may, name) && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// Encode gives the parameters as a query, sorted by name.
func (p Params) Encode() string { return url.Values(p).Encode() }
