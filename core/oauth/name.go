package oauth

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// A DistinguishedName is the name of a certificate's subject, as RFC 4514 writes it: the most particular part first. Its parts are
// compared as they are written, but for the case of the attributes' types: what is another name to anybody is another one here.
type DistinguishedName []string

var errName = errors.New("is no distinguished name such as CN=app,O=Example,C=DE (RFC 4514)")

// attributeTypes are the short names of RFC 4514 §3, and those that certificates have besides.
var attributeTypes = map[string]string{
	"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6", "STREET": "2.5.4.9",
	"DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1", "SERIALNUMBER": "2.5.4.5", "POSTALCODE": "2.5.4.17",
	"EMAILADDRESS": "1.2.840.113549.1.9.1", "ORGANIZATIONIDENTIFIER": "2.5.4.97", "BUSINESSCATEGORY": "2.5.4.15",
	"JURISDICTIONCOUNTRYNAME": "1.3.6.1.4.1.311.60.2.1.3",
}

// ParseDistinguishedName reads RFC 4514 §3. Values in hexadecimal (#04…) are not read.
func ParseDistinguishedName(text string) (DistinguishedName, error) {
	var name DistinguishedName
	for _, relative := range cutUnescaped(text, ',') {
		var parts []string
		for _, attribute := range cutUnescaped(relative, '+') {
			kind, value, found := strings.Cut(attribute, "=")
			kind = strings.ToUpper(strings.Trim(kind, " "))
			if long, known := attributeTypes[kind]; known {
				kind = long
			}
			plain, ok := unescapeName(value)
			if !found || kind == "" || strings.Trim(kind, "0123456789.") != "" || !ok || plain == "" {
				return nil, errName
			}
			parts = append(parts, kind+"="+plain)
		}
		slices.Sort(parts)
		name = append(name, strings.Join(parts, "\x00"))
	}
	return name, nil
}

// NamesOf gives the values of one kind (CN, OU and so on) in a distinguished name, as RFC 4514 writes it. A type that is written as its
// number has its values in hexadecimal (§2.4), which count when they are text; others in hexadecimal are left out.
func NamesOf(text, kind string) []string {
	if text == "" {
		return nil
	}
	var values []string
	for _, relative := range cutUnescaped(text, ',') {
		for _, attribute := range cutUnescaped(relative, '+') {
			of, value, _ := strings.Cut(attribute, "=")
			var plain string
			switch of = strings.Trim(of, " "); {
			case strings.EqualFold(of, kind):
				plain, _ = unescapeName(value)
			case of == attributeTypes[strings.ToUpper(kind)]:
				plain = textOfHex(value)
			}
			if plain != "" {
				values = append(values, plain)
			}
		}
	}
	return values
}

// textOfHex reads a value that is written as # and the hexadecimal digits of its encoding; empty: it is no text.
func textOfHex(value string) string {
	digits, isHex := strings.CutPrefix(strings.Trim(value, " "), "#")
	der, err := hex.DecodeString(digits)
	if !isHex || err != nil {
		return ""
	}
	var text string
	if rest, err := asn1.Unmarshal(der, &text); err != nil || len(rest) > 0 || strings.ContainsRune(text, 0) {
		return ""
	}
	return text
}

// cutUnescaped cuts at a character that no backslash stands before.
func cutUnescaped(text string, at byte) (pieces []string) {
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case at:
			pieces, start = append(pieces, text[start:i]), i+1
		}
	}
	return append(pieces, text[start:])
}

// unescapeName takes the backslashes out of a value (RFC 4514 §2.4). Spaces around it mean nothing unless they are escaped.
func unescapeName(value string) (string, bool) {
	value = strings.TrimLeft(value, " ")
	if strings.HasPrefix(value, "#") {
		return "", false
	}
	var plain []byte
	kept := 0 // so much of it is no space that may be trimmed
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == 0 || strings.IndexByte(`"<>;`, c) >= 0:
			return "", false
		case c != '\\':
			if plain = append(plain, c); c != ' ' {
				kept = len(plain)
			}
			continue
		}
		rest := value[i+1:]
		high, low := -1, -1
		if len(rest) >= 2 {
			high, low = strings.IndexByte(hexDigits, rest[0]|0x20), strings.IndexByte(hexDigits, rest[1]|0x20)
		}
		switch {
		case high >= 0 && low >= 0:
			plain, i = append(plain, byte(high<<4|low)), i+2
		case rest != "" && strings.IndexByte("\\\"+,;<>#= ", rest[0]) >= 0:
			plain, i = append(plain, rest[0]), i+1
		default:
			return "", false
		}
		kept = len(plain)
	}
	return string(plain[:kept]), true
}

const hexDigits = "0123456789abcdef"

// NameOfCertificate reads the DER form of a subject. A name with values that are no text is none.
func NameOfCertificate(der []byte) (DistinguishedName, error) {
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type relativeSET []attribute // the name's end makes it a SET
	var sequence []relativeSET
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 {
		return nil, errName
	}
	var name DistinguishedName
	for _, relative := range slices.Backward(sequence) {
		var parts []string
		for _, a := range relative {
			var value string
			if _, err := asn1.Unmarshal(a.Value.FullBytes, &value); err != nil || value == "" || strings.ContainsRune(value, 0) {
				return nil, errName
			}
			parts = append(parts, a.Type.String()+"="+value)
		}
		slices.Sort(parts)
		name = append(name, strings.Join(parts, "\x00"))
	}
	return name, nil
}

// Equal tells whether two names are the same; no name equals nothing.
func (n DistinguishedName) Equal(other DistinguishedName) bool {
	return len(n) > 0 && slices.Equal(n, other)
}
