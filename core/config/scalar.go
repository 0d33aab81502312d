package config

import (
	"encoding"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scalar fills a boolean, number, text, duration or secret.
func (d *decoder) scalar(n *node, dst reflect.Value, path, limits string) {
	text, replaced, ok := d.expand(n, path)
	if !ok {
		return
	}
	switch dst.Type() {
	case secretType:
		d.secret(n, text, dst, path)
		return
	case publicType:
		d.public(n, text, dst, path)
		return
	case durationType:
		d.duration(n, text, dst, path, limits)
		return
	}
	tag := n.tag
	if replaced {
		tag = "" // the variable's text decides, whatever the quoting around it was
	}
	switch dst.Kind() {
	case reflect.String:
		if tag == "!!bool" {
			d.add(n.line, path, "must be text: put %s in quotes", n.text)
			return
		}
		dst.SetString(text)
	case reflect.Bool:
		d.boolean(n, tag, text, dst, path)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.integer(n, tag, text, dst, path, limits)
	case reflect.Float32, reflect.Float64:
		d.float(n, tag, text, dst, path)
	default:
		d.add(n.line, path, "cannot be configured (%s)", dst.Type())
	}
}

func (d *decoder) boolean(n *node, tag, text string, dst reflect.Value, path string) {
	if (tag != "" && tag != "!!bool") || (text != "true" && text != "false") {
		d.wrong(n, path, "true or false")
		return
	}
	dst.SetBool(text == "true")
}

func (d *decoder) integer(n *node, tag, text string, dst reflect.Value, path, limits string) {
	low, high := bounds(dst)
	if from, to, ok := strings.Cut(limits, ".."); ok {
		if v, err := strconv.ParseInt(from, 10, 64); err == nil {
			low = max(low, v)
		}
		if v, err := strconv.ParseInt(to, 10, 64); err == nil {
			high = min(high, v)
		}
	}
	v, err := strconv.ParseInt(text, 0, 64)
	if (tag != "" && tag != "!!int") || err != nil || v < low || v > high {
		d.wrong(n, path, "a whole number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
		return
	}
	if dst.CanUint() {
		dst.SetUint(uint64(v))
		return
	}
	dst.SetInt(v)
}

// bounds gives what a Go integer can hold, of the values that matter in a configuration.
func bounds(dst reflect.Value) (low, high int64) {
	bits := dst.Type().Bits()
	if dst.CanUint() {
		if bits == 64 {
			return 0, math.MaxInt64
		}
		return 0, 1<<bits - 1
	}
	return -1 << (bits - 1), 1<<(bits-1) - 1
}

func (d *decoder) float(n *node, tag, text string, dst reflect.Value, path string) {
	v, err := strconv.ParseFloat(text, dst.Type().Bits())
	if (tag != "" && tag != "!!float" && tag != "!!int") || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		d.wrong(n, path, "a number")
		return
	}
	dst.SetFloat(v)
}

func (d *decoder) duration(n *node, text string, dst reflect.Value, path, limits string) {
	want := `a duration such as "90s", "15m" or "24h"`
	v, err := time.ParseDuration(text)
	if err != nil {
		d.wrong(n, path, want)
		return
	}
	if from, to, ok := strings.Cut(limits, ".."); ok {
		low, errLow := time.ParseDuration(from)
		high, errHigh := time.ParseDuration(to)
		if errLow == nil && v < low || errHigh == nil && v > high {
			d.wrong(n, path, want+" from "+from+" to "+to)
			return
		}
	}
	dst.SetInt(int64(v))
}

func (d *decoder) text(n *node, dst encoding.TextUnmarshaler, path string) {
	text, _, ok := d.expand(n, path)
	if !ok {
		return
	}
	if err := dst.UnmarshalText([]byte(text)); err != nil {
		d.add(n.line, path, "%v", err)
	}
}

// wrong reports a value as it is written, which shows the name of a variable and never what is in it.
func (d *decoder) wrong(n *node, path, want string) {
	written := n.text
	if len(written) > 40 {
		written = strings.ToValidUTF8(written[:40], "") + "..."
	}
	d.add(n.line, path, "must be %s, not %q", want, written)
}

// variable finds $${ (a literal ${), ${NAME}, ${NAME:-default} and, last, a ${ that is none of them.
var variable = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$\{`)

// expand gives the text of a scalar with its variables replaced, and whether there were any.
func (d *decoder) expand(n *node, path string) (text string, replaced, ok bool) {
	if n.isNull() {
		d.add(n.line, path, "has no value")
		return "", false, false
	}
	if n.kind != scalar {
		d.add(n.line, path, "must be a single value, not %s", n.what())
		return "", false, false
	}
	var b strings.Builder
	last, ok := 0, true
	for _, m := range variable.FindAllStringSubmatchIndex(n.text, -1) {
		b.WriteString(n.text[last:m[0]])
		last = m[1]
		switch {
		case m[2] >= 0:
			value, found := d.lookup(n, path, group(n.text, m, 1), m[4] >= 0, group(n.text, m, 3))
			ok = ok && found
			replaced = true
			b.WriteString(value)
		case strings.HasPrefix(n.text[m[0]:], "$${"):
			b.WriteString("${")
		default:
			d.add(n.line, path, "${ must be ${NAME} or ${NAME:-default}; write $${ for the characters themselves")
			ok = false
		}
	}
	b.WriteString(n.text[last:])
	return b.String(), replaced, ok
}

func (d *decoder) lookup(n *node, path, name string, hasFallback bool, fallback string) (string, bool) {
	value, found := "", false
	if d.env != nil {
		value, found = d.env(name)
	}
	switch {
	case hasFallback && value == "":
		return fallback, true
	case !found:
		d.add(n.line, path, "the environment variable %s is not set", name)
		return "", false
	}
	return value, true
}

func group(text string, match []int, i int) string {
	if match[2*i] < 0 {
		return ""
	}
	return text[match[2*i]:match[2*i+1]]
}
