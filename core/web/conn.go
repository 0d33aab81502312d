package web

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// A listener gives its TCP connections cheap deadlines. Others (TLS) pass as they are.
type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{Conn: tcp, peer: ipOf(tcp.RemoteAddr())}, err
	}
	return c, err
}

// A conn moves its deadlines in memory. fasthttp sets three for every request, nearly always to a later time than before, and
// each would move a timer of the runtime. Here the timer stays where it is; when it goes off before the deadline it is set
// anew and the call goes on. A deadline still comes when it was set for, not later. One goroutine uses a conn, but for Close.
type conn struct {
	net.Conn
	peer             netip.Addr
	last             *sighting
	reading, writing deadline
}

type deadline struct {
	due   time.Time // what was asked for
	timer time.Time // what the runtime was told: never later than due
}

// hold takes a new time and tells whether the timer may stay: it goes off before it.
func (d *deadline) hold(due time.Time) bool {
	d.due = due
	if !d.timer.IsZero() && !due.Before(d.timer) { // the zero time, which is no deadline, is before all
		return true
	}
	d.timer = due
	return false
}

// early tells that a call failed because the timer went off, but before it was due.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(d.due) {
		return false
	}
	d.timer = d.due
	return true
}

// peerOf gives the address at the other end.
func peerOf(ctx *fasthttp.RequestCtx) netip.Addr {
	if c, ok := ctx.Conn().(*conn); ok {
		return c.peer
	}
	return ipOf(ctx.RemoteAddr())
}

func ipOf(peer net.Addr) netip.Addr {
	if tcp, ok := peer.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}) // a connection without an address is in process
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err == nil || n > 0 || !c.reading.early(err) {
			return n, err
		}
		if err := c.Conn.SetReadDeadline(c.reading.due); err != nil {
			return 0, err
		}
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (written int, err error) {
	for {
		n, err := c.Conn.Write(p[written:])
		written += n
		if err == nil || !c.writing.early(err) {
			return written, err
		}
		if err := c.Conn.SetWriteDeadline(c.writing.due); err != nil {
			return written, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(due time.Time) error {
	if c.reading.hold(due) {
		return nil
	}
	return c.Conn.SetReadDeadline(due)
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(due time.Time) error {
	if c.writing.hold(due) {
		return nil
	}
	return c.Conn.SetWriteDeadline(due)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(due time.Time) error {
	return errors.Join(c.SetReadDeadline(due), c.SetWriteDeadline(due))
}
