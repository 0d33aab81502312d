package oauth

import (
	"slices"
	"strings"
)

// MaxURILength is the length, in bytes, beyond which a URI is not even looked at.
const MaxURILength = 2048

// A URIClass is what kind of URI it is, in the words policies use.
type URIClass string

// The classes of URIs.
const (
	ClassHTTPS         URIClass = "https"
	ClassHTTP          URIClass = "http"           // to a host that is not loopback
	ClassLoopbackHTTP  URIClass = "loopback_http"  // RFC 8252 §7.3: http on 127.0.0.1, [::1] or localhost
	ClassPrivateScheme URIClass = "private_scheme" // RFC 8252 §7.1: every other scheme that is not dangerous
	ClassInvalid       URIClass = "invalid"        // has a problem other than a fragment
)

// URI is what can be said of a URI without asking anybody. Raw is the URI; the other fields are facts about it, for
// rules to judge and never to build a URI from or to match by. When Valid is false they are what a browser would make of
// it, as far as that can be told.
type URI struct {
	Raw           string
	Valid         bool // no problem at all
	Class         URIClass
	Scheme        string // lowercase
	Host          string // lowercase; an international name in its xn-- form; IPv6 without brackets; "" if none
	Port          string // as written; "" if none, also where the default is meant
	Path          string // as written
	Query         string // as written, without the question mark
	HasQuery      bool   // there is a question mark, even with nothing after it
	Loopback      bool   // http or https on 127.0.0.1, ::1 or localhost
	ReverseDomain bool   // the scheme is a name with a dot, as RFC 8252 §7.1 asks of private ones
	IP            string // the address in its usual form, if the host is one; also for an odd spelling, which is a problem
	Problems      []Problem
}

// ParseURI reads a URI by the grammar of RFC 3986, without the forgiveness of browsers and of net/url: whatever two readers
// could take for two different places is a problem. It never fails; a URI with a problem is one not to use.
//
// Decided where the grammar leaves room: an encoded slash or backslash in the path is data, but counts as a separator when
// looking for dot segments, so that "..%2f" is one; so does "..;", which some servers read as "..". Encoded control
// characters are refused anywhere. A host may have underscores and outer hyphens (DNS has them), but no percent-encoding and
// no dot at its end. Host, port and userinfo of private schemes are held to the same rules, only the host may be empty and
// numbers in it are just a name.
func ParseURI(raw string) URI {
	u := URI{Raw: raw, Class: ClassInvalid}
	if len(raw) > MaxURILength {
		u.add(TooLong)
		return u
	}
	u.checkCharacters()
	text, _, hasFragment := strings.Cut(strings.TrimFunc(raw, trimmedByBrowsers), "#")
	if hasFragment {
		u.add(Fragment)
	}
	if rest, ok := u.takeScheme(text); ok {
		u.takeParts(rest)
	}
	u.Valid = len(u.Problems) == 0
	u.Class = u.classify()
	return u
}

// RegistrableDomain gives the part of the host that somebody registered, such as example.co.uk for login.example.co.uk, by
// the Public Suffix List. It is "" for addresses, for bare suffixes such as localhost, and for private schemes.
func (u URI) RegistrableDomain() string {
	if u.IP != "" || u.Scheme != "https" && u.Scheme != "http" || slices.Contains(u.Problems, BadHost) {
		return ""
	}
	return registrable(u.Host)
}

func (u *URI) add(p Problem) {
	if !slices.Contains(u.Problems, p) {
		u.Problems = append(u.Problems, p)
	}
}

// trimmedByBrowsers is what browsers drop at both ends. It has been reported as a problem by then; without it the facts say
// what a browser would do.
func trimmedByBrowsers(r rune) bool { return r <= ' ' }

// checkCharacters finds what may stand nowhere in a URI.
func (u *URI) checkCharacters() {
	for i := range len(u.Raw) {
		switch c := u.Raw[i]; {
		case isUnreserved(c) || isDelimiter(c):
		case c == '%':
			u.checkPercent(i)
		case c == ' ':
			u.add(Whitespace)
		case c < ' ' || c == 0x7f:
			u.add(ControlCharacter)
		case c == '\\':
			u.add(Backslash)
		case c > 0x7f:
			u.add(NonASCII)
		default:
			u.add(BadCharacter)
		}
	}
}

func (u *URI) checkPercent(at int) {
	switch c, ok := decodePercent(u.Raw, at); {
	case !ok:
		u.add(BadPercent)
	case c < ' ' || c == 0x7f:
		u.add(ControlCharacter)
	}
}

// takeScheme reads the scheme and gives what follows its colon. False means there is nothing more to learn.
func (u *URI) takeScheme(text string) (string, bool) {
	scheme, rest, found := strings.Cut(text, ":")
	if !found || !isScheme(scheme) {
		if text != "" && strings.IndexByte(`/\?.`, text[0]) >= 0 {
			u.add(Relative)
		} else {
			u.add(NoScheme)
		}
		return "", false
	}
	switch scheme = strings.ToLower(scheme); {
	case isDangerous(scheme):
		u.Scheme = scheme
		u.add(DangerousScheme)
		return "", false
	case !isWeb(scheme) && startsWithPort(rest): // "localhost:3000/cb": a host and port without a scheme
		u.add(NoScheme)
		return "", false
	}
	u.Scheme = scheme
	u.ReverseDomain = !isWeb(scheme) && isDotted(scheme)
	return rest, true
}

// isDangerous tells the schemes that browsers run or read themselves.
func isDangerous(scheme string) bool {
	switch scheme {
	case "javascript", "data", "file", "blob", "vbscript", "about", "filesystem", "view-source":
		return true
	}
	return false
}

// takeParts reads what follows the scheme, the fragment being cut off already.
func (u *URI) takeParts(rest string) {
	rest, u.Query, u.HasQuery = strings.Cut(rest, "?")
	authority, found := strings.CutPrefix(rest, "//")
	u.Path = rest
	if found {
		end := strings.IndexAny(authority, `/\`)
		if end < 0 {
			end = len(authority)
		}
		authority, u.Path = authority[:end], authority[end:]
		u.takeAuthority(authority)
	}
	if u.Host == "" && (isWeb(u.Scheme) || u.Port != "") && !slices.Contains(u.Problems, BadHost) {
		u.add(NoHost)
	}
	u.Loopback = isWeb(u.Scheme) && (u.IP == "127.0.0.1" || u.IP == "::1" || u.Host == "localhost")
	if strings.ContainsAny(u.Path, "[]") || strings.ContainsAny(u.Query, "[]") { // RFC 3986 §3.2.2: only around an IPv6 host
		u.add(BadCharacter)
	}
	if hasDotSegment(u.Path) {
		u.add(DotSegment)
	}
}

// takeAuthority reads [userinfo@]host[:port] (RFC 3986 §3.2).
func (u *URI) takeAuthority(authority string) {
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		u.add(Userinfo)
		authority = authority[at+1:]
	}
	host, port, hasPort := strings.Cut(authority, ":")
	if strings.HasPrefix(authority, "[") {
		var closed bool
		host, port, closed = strings.Cut(authority[1:], "]")
		if !closed || port != "" && port[0] != ':' {
			u.add(BadHost)
			return
		}
		port, hasPort = strings.CutPrefix(port, ":")
		u.takeIPv6(host)
	} else {
		u.takeName(host)
	}
	u.Port = port
	if hasPort && !validPort(port) {
		u.add(BadPort)
	}
}

// classify fails closed: a rule that asks only for class https is never satisfied by something broken. A fragment breaks
// nothing but a redirect URI, where the floor refuses it.
func (u *URI) classify() URIClass {
	for _, p := range u.Problems {
		if p != Fragment {
			return ClassInvalid
		}
	}
	switch {
	case u.Scheme == "https":
		return ClassHTTPS
	case u.Scheme != "http":
		return ClassPrivateScheme
	case u.Loopback:
		return ClassLoopbackHTTP
	}
	return ClassHTTP
}
