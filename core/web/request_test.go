package web

import (
	"context"
	"slices"
	"testing"
)

// A handler sees every field as it was sent: the order, the spelling, fields that repeat, and no trailers.
func TestHeaders(t *testing.T) {
	var all, two []string
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "POST", Path: "/in", Handler: func(_ context.Context, r *Request) (Response, error) {
			for name, value := range r.Headers() {
				all = append(all, name+"="+value)
			}
			for name := range r.Headers() {
				if two = append(two, name); len(two) == 2 {
					break
				}
			}
			return NoContent(), nil
		}}}
	})
	w := g.dial(t)
	w.send("POST /in HTTP/1.1\r\nX-Two: a\r\nhost: " + site + "\r\nx-empty:\r\nx-two: \tb:c \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Late: b\r\n\r\n")
	if a := w.read("POST"); a.StatusCode != 204 {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if want := []string{"X-Two=a", "host=" + site, "x-empty=", "x-two=b:c", "Transfer-Encoding=chunked"}; !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
	if !slices.Equal(two, []string{"X-Two", "host"}) {
		t.Errorf("the first two: %q", two)
	}
	for name := range (&Request{}).Headers() {
		t.Errorf("no head, and yet %q", name)
	}
}
