package web

import (
	"bytes"
	"errors"
	"io"

	"github.com/ostiary/ostiary/core"
	"github.com/valyala/fasthttp"
)

// DefaultLimit is the body limit of a route that names none.
const DefaultLimit = 64 << 10

// drainLimit is how much of an unwanted body is read and thrown away, so that its sender gets to see the answer. A close
// with bytes unread would be a reset that destroys it.
const drainLimit = 8 << 20

var errTooLarge = errors.New("body over the limit")

// readBody reads the whole body, at most limit bytes. It must reach the end: what it left would be read as the next request.
func readBody(ctx *fasthttp.RequestCtx, limit int) ([]byte, error) {
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return nil, nil
	}
	length := ctx.Request.Header.ContentLength()
	// Memory follows what arrives, not what is announced: nobody has been authenticated yet.
	body := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), DefaultLimit)+bytes.MinRead))
	n, err := body.ReadFrom(io.LimitReader(stream, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case n > int64(limit):
		return nil, errTooLarge
	case length >= 0 && n != int64(length):
		return nil, io.ErrUnexpectedEOF
	}
	return body.Bytes(), nil
}

// drain reads the rest of a refused body away and says how long the body is at least. When the end was not reached the
// connection must close.
func drain(ctx *fasthttp.RequestCtx) (length int, ended bool) {
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return 0, true
	}
	announced := max(ctx.Request.Header.ContentLength(), 0)
	if announced > drainLimit {
		return announced, false
	}
	n, err := io.Copy(io.Discard, io.LimitReader(stream, drainLimit+1))
	return max(announced, int(n)), err == nil && n <= drainLimit
}

// bodyRefusal says what a failed readBody means. All of them close the connection: its framing is spent.
func bodyRefusal(err error, limit int) *refusal {
	if errors.Is(err, errTooLarge) {
		return &refusal{err: core.Refuse(core.PayloadTooLarge, "The body is longer than the %d bytes taken here.", limit), close: true}
	}
	if isTimeout(err) {
		return requestTimeout()
	}
	return badFraming("The body did not arrive as announced.")
}
