package decisionlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
)

// HTTPOptions say where lines are sent.
type HTTPOptions struct {
	URL      string
	Bearer   core.Secret   // empty: none
	Batch    int           // events in one request
	Interval time.Duration // how long an event waits for others
	Peer     *fetch.Peer   // whose it is to close
}

// HTTP is a sink that posts events as OPA does: a JSON array, compressed with gzip. An answer other than 2xx is tried again, but
// for those that say that the events themselves are wrong.
type HTTP struct{ opt HTTPOptions }

// NewHTTP makes an HTTP.
func NewHTTP(opt HTTPOptions) *HTTP { return &HTTP{opt} }

// Name implements Sink.
func (*HTTP) Name() string { return "http" }

// Batch implements Sink.
func (h *HTTP) Batch() (int, time.Duration) { return h.opt.Batch, h.opt.Interval }

// Write implements Sink: all or nothing.
func (h *HTTP) Write(ctx context.Context, lines [][]byte) (int, error) {
	body, err := packed(lines)
	if err != nil {
		return 0, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	if h.opt.Bearer != "" {
		header.Set("Authorization", "Bearer "+h.opt.Bearer.Reveal())
	}
	answer, err := h.opt.Peer.Do(ctx, fetch.Request{Method: http.MethodPost, URL: h.opt.URL, Header: header, Body: body})
	if err != nil {
		return 0, err
	}
	switch {
	case answer.Status >= 200 && answer.Status < 300:
		return len(lines), nil
	case answer.Status == http.StatusBadRequest, answer.Status == http.StatusRequestEntityTooLarge, answer.Status == http.StatusUnprocessableEntity:
		return 0, &refusal{fmt.Errorf("it answered with status %d", answer.Status)}
	}
	return 0, fmt.Errorf("it answered with status %d", answer.Status)
}

// packed makes a compressed JSON array of lines.
func packed(lines [][]byte) ([]byte, error) {
	var body bytes.Buffer
	zip := gzip.NewWriter(&body)
	between := []byte{'['}
	for _, l := range lines {
		if _, err := zip.Write(append(between, l...)); err != nil {
			return nil, err
		}
		between = []byte{','}
	}
	if _, err := zip.Write([]byte{']'}); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil { // it writes the end
		return nil, err
	}
	return body.Bytes(), nil
}

// Close implements Sink.
func (*HTTP) Close() error { return nil }

var _ Sink = (*HTTP)(nil)
