package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ostiary/ostiary/core/strictjson"
)

// The commands of the manual that look at the last answer, and take out of it what the next command needs.

// status checks the last answer's.
func status(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if (s.status == want) == neg {
		ts.Fatalf("status %d, want %s\n%s", s.status, args[0], s.body)
	}
}

// checkJSON checks a member of the last answer: json PATH REGEXP, or ! json PATH for an absent one.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	got, found := lookup(ts, s.body, args[0])
	if neg && len(args) == 1 {
		if found {
			ts.Fatalf("%s is %s, want nothing", args[0], got)
		}
		return
	}
	if !found {
		ts.Fatalf("there is no %s in\n%s", args[0], s.body)
	}
	if len(args) > 1 && regexp.MustCompile("^(?s:"+args[1]+")$").MatchString(got) == neg {
		ts.Fatalf("%s is %q, want %q\n%s", args[0], got, args[1], s.body)
	}
}

// save puts a member of the last answer into a variable: save NAME PATH.
func save(ts *testscript.TestScript, neg bool, args []string) {
	got, found := lookup(ts, sessionOf(ts).body, args[1])
	if !found {
		ts.Fatalf("there is no %s in\n%s", args[1], sessionOf(ts).body)
	}
	ts.Setenv(args[0], got)
}

// checkHeader checks a header of the last answer: header NAME REGEXP [VARIABLE]...; what the groups matched goes into variables.
func checkHeader(ts *testscript.TestScript, neg bool, args []string) {
	s := sessionOf(ts)
	got := strings.Join(s.header.Values(args[0]), "\n")
	found := regexp.MustCompile("^(?s:" + args[1] + ")$").FindStringSubmatch(got)
	if (found == nil) != neg {
		ts.Fatalf("%s is %q, want %q\n%d %s", args[0], got, args[1], s.status, s.body)
	}
	for i, variable := range args[2:] {
		ts.Setenv(variable, found[i+1])
	}
}

// saveField puts a hidden field of the page in the last answer into a variable: field VARIABLE NAME.
func saveField(ts *testscript.TestScript, neg bool, args []string) {
	body := sessionOf(ts).body
	found := regexp.MustCompile(`<input type="hidden" name="` + args[1] + `" value="([^"]*)">`).FindStringSubmatch(body)
	if found == nil {
		ts.Fatalf("there is no hidden field %s in\n%s", args[1], body)
	}
	ts.Setenv(args[0], html.UnescapeString(found[1]))
}

// grab puts what the group of a pattern matched in the last output into a variable: grab VARIABLE REGEXP.
func grab(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stdout")
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(text)
	if found == nil {
		ts.Fatalf("%q is not in\n%s", args[1], text)
	}
	ts.Setenv(args[0], found[1])
}

// openToken makes what a JWT says the last answer, so that json can look at it: {"header": …, "claims": …}. Whether it may be
// believed is not looked at.
func openToken(ts *testscript.TestScript, neg bool, args []string) {
	parts := strings.Split(args[0], ".")
	if len(parts) != 3 {
		ts.Fatalf("%q is no JWT", args[0])
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	ts.Check(err)
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	ts.Check(err)
	sessionOf(ts).answer = answer{body: fmt.Sprintf(`{"header":%s,"claims":%s}`, header, claims)}
}

// signClaims makes a JWT of now, good for a minute, with HS256: sign NAME SECRET CLAIMS.
func signClaims(ts *testscript.TestScript, neg bool, args []string) {
	encode, now := base64.RawURLEncoding.EncodeToString, time.Now().Unix()
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,%s`, now, now+60, strings.TrimPrefix(args[2], "{"))
	input := encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(args[1]))
	mac.Write([]byte(input))
	ts.Setenv(args[0], input+"."+encode(mac.Sum(nil)))
}

// openEvent makes a line of a decision log the last answer: event DECISION FILE. There is exactly one.
func openEvent(ts *testscript.TestScript, neg bool, args []string) {
	var found []string
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if strings.Contains(line, `"decision_id":"`+args[0]+`"`) {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		ts.Fatalf("%d events of %s", len(found), args[0])
	}
	sessionOf(ts).answer = answer{body: found[0]}
}

// lookup follows a path such as "stages[2].by.name"; texts come without quotes, everything else as JSON. "[key=value]" finds
// the first item of a list with such a member.
func lookup(ts *testscript.TestScript, body, path string) (string, bool) {
	v, err := strictjson.Parse([]byte(body), strictjson.Stored)
	if err != nil {
		ts.Fatalf("the answer is no JSON: %v\n%s", err, body)
	}
	for _, step := range regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`).FindAllString(path, -1) {
		var ok bool
		if v, ok = stepInto(v, step); !ok {
			return "", false
		}
	}
	if text, ok := v.Text(); ok {
		return text, true
	}
	return string(strictjson.Append(nil, v)), true
}

func stepInto(v strictjson.Value, step string) (strictjson.Value, bool) {
	inner, isItem := strings.CutPrefix(strings.TrimSuffix(step, "]"), "[")
	if !isItem {
		return v.Get(step)
	}
	items := v.Items()
	if key, want, ok := strings.Cut(inner, "="); ok {
		for _, item := range items {
			if m, found := item.Get(key); found && string(strictjson.Append(nil, m)) == `"`+want+`"` {
				return item, true
			}
		}
		return strictjson.Value{}, false
	}
	i, err := strconv.Atoi(inner)
	if err != nil || i < 0 || i >= len(items) {
		return strictjson.Value{}, false
	}
	return items[i], true
}
