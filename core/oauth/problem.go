package oauth

// A Problem is one thing that is wrong with a URI. Its text is stable: policies and tests name it.
type Problem string

// What can be wrong with a URI. All but the last two are found by ParseURI; those depend on what the URI is for.
const (
	TooLong          Problem = "too_long"
	ControlCharacter Problem = "control_character" // also percent-encoded
	Whitespace       Problem = "whitespace"
	Backslash        Problem = "backslash"
	NonASCII         Problem = "non_ascii"
	BadCharacter     Problem = "bad_character" // ASCII that RFC 3986 has no place for
	BadPercent       Problem = "bad_percent"
	Fragment         Problem = "fragment"
	Relative         Problem = "relative"
	NoScheme         Problem = "no_scheme"
	DangerousScheme  Problem = "dangerous_scheme"
	NoHost           Problem = "no_host"
	BadHost          Problem = "bad_host"
	WildcardHost     Problem = "wildcard_host"
	OddIP            Problem = "odd_ip"
	BadPort          Problem = "bad_port"
	Userinfo         Problem = "userinfo"
	DotSegment       Problem = "dot_segment"
	HTTPNonLoopback  Problem = "http_non_loopback"
	NotHTTPS         Problem = "not_https"
)

// Problems lists every problem there is. The slice is the caller's own.
func Problems() []Problem {
	return []Problem{TooLong, ControlCharacter, Whitespace, Backslash, NonASCII, BadCharacter, BadPercent, Fragment, Relative,
		NoScheme, DangerousScheme, NoHost, BadHost, WildcardHost, OddIP, BadPort, Userinfo, DotSegment, HTTPNonLoopback,
		NotHTTPS}
}

// Explain says in plain words what is wrong and what to do. It continues a sentence that began with the URI or the name of
// its member, and is fit for an error_description (RFC 6749 §5.2).
func (p Problem) Explain() string {
	switch p {
	case TooLong:
		return "is longer than 2048 characters; register a shorter one"
	case ControlCharacter:
		return "has a control character such as a tab or a line break, perhaps percent-encoded; remove it"
	case Whitespace:
		return "has a space; remove it, or write %20 where it belongs to the path or query"
	case Backslash:
		return "has a backslash, which browsers read as a slash; write / or %5C"
	case NonASCII:
		return "has a character outside ASCII; percent-encode it in the path or query, and write an international host " +
			"in its xn-- form (RFC 3986 section 2)"
	case BadCharacter:
		return "has a character that a URI may not hold; percent-encode it (RFC 3986 section 2)"
	case BadPercent:
		return "has a % that is not followed by two hexadecimal digits; write a plain percent sign as %25"
	case Fragment:
		return "has a fragment; remove everything from # on (RFC 6749 section 3.1.2)"
	case Relative:
		return "is relative; write it in full, such as https://app.example/callback (RFC 6749 section 3.1.2)"
	case NoScheme:
		return "has no scheme; begin it with https:// (RFC 6749 section 3.1.2)"
	default:
		return p.explainPlace()
	}
}

// explainPlace explains the problems of scheme, host, port and path.
func (p Problem) explainPlace() string {
	switch p {
	case DangerousScheme:
		return "has a scheme that browsers run or read themselves, such as javascript or data; use https"
	case NoHost:
		return "names no host; write it as https://app.example/callback"
	case BadHost:
		return "has a host that is not a name or an address; use letters, digits, hyphens and single dots, without a dot at the end"
	case WildcardHost:
		return "has a wildcard in its host; register each host by its own name (RFC 9700 section 2.1)"
	case OddIP:
		return "has an IP address in an unusual spelling; write IPv4 as four plain decimal numbers and IPv6 in its shortest form"
	case BadPort:
		return "has a port that is not a number from 1 to 65535 without leading zeros; correct it, or remove the colon"
	case Userinfo:
		return "has a user name or password before an @ sign; remove everything from // up to the @"
	case DotSegment:
		return "has . or .. as a part of its path, perhaps percent-encoded; write the path it leads to"
	case HTTPNonLoopback:
		return "uses http to a host other than 127.0.0.1, [::1] and localhost; use https (RFC 9700 section 2.6)"
	case NotHTTPS:
		return "does not use https; this one must"
	}
	return "is not acceptable: " + string(p)
}
