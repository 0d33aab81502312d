package oauth

import "strings"

// isUnreserved is the unreserved set of RFC 3986 §2.3, which is also the alphabet of a code_verifier (RFC 7636 §4.1).
func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// isDelimiter is the reserved set of RFC 3986 §2.2.
func isDelimiter(c byte) bool {
	switch c {
	case ':', '/', '?', '#', '[', ']', '@', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
		return true
	}
	return false
}

func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > 0x7f {
			return false
		}
	}
	return true
}

// isWeb says whether browsers fetch the (lowercase) scheme over the network and read its URIs by their own rules.
func isWeb(scheme string) bool { return scheme == "https" || scheme == "http" }

// isScheme is the scheme of RFC 3986 §3.1.
func isScheme(text string) bool {
	if text == "" || !isLetter(text[0]) {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// isDotted says whether a scheme is a reversed domain name: labels with dots between them.
func isDotted(scheme string) bool {
	return strings.Contains(scheme, ".") && !strings.HasSuffix(scheme, ".") && !strings.Contains(scheme, "..")
}

// startsWithPort says whether a text begins as what follows a host does: digits, then a path, a query or nothing.
func startsWithPort(text string) bool {
	rest := strings.TrimLeft(text, "0123456789")
	return len(rest) < len(text) && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// validPort says whether a port is written as 1 to 65535 without leading zeros, which some readers take for octal.
func validPort(port string) bool {
	if port == "" || len(port) > 5 || port[0] == '0' {
		return false
	}
	number := 0
	for i := range len(port) {
		if !isDigit(port[i]) {
			return false
		}
		number = number*10 + int(port[i]-'0')
	}
	return number <= 65535
}

// decodePercent reads the percent-encoded byte at a % sign.
func decodePercent(text string, at int) (byte, bool) {
	if at+2 >= len(text) {
		return 0, false
	}
	high, low := hexDigit(text[at+1]), hexDigit(text[at+2])
	return high<<4 | low&0xf, high < 16 && low < 16
}

// hexDigit gives the value of a hexadecimal digit, 16 for anything else.
func hexDigit(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// hasDotSegment says whether some reader of the path finds a "." or ".." segment in it: encoded or not, between slashes or
// backslashes, encoded or not, with or without parameters after a semicolon.
func hasDotSegment(path string) bool {
	if !strings.ContainsAny(path, ".%") {
		return false
	}
	dots, name, parameter := 0, false, false
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if decoded, ok := decodePercent(path, i); ok {
				c, i = decoded, i+2
			}
		}
		switch {
		case c == '/' || c == '\\':
			if isDots(dots, name) {
				return true
			}
			dots, name, parameter = 0, false, false
		case parameter:
		case c == ';':
			parameter = true
		case c == '.':
			dots++
		default:
			name = true
		}
	}
	return isDots(dots, name)
}

func isDots(dots int, name bool) bool { return !name && (dots == 1 || dots == 2) }
