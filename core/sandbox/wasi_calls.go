package sandbox

import (
	"encoding/binary"
	"math"
	"time"
)

func schedYield(*wasiCall) errno   { return wasiOK }
func nothingToGet(*wasiCall) errno { return wasiOK }

// noSizes: no strings, of no length.
func noSizes(c *wasiCall) errno {
	if e := c.write(0, make([]byte, 4)); e != wasiOK {
		return e
	}
	return c.write(1, make([]byte, 4))
}

func standardOnly(c *wasiCall) errno {
	if !c.standard() {
		return wasiBadFile
	}
	return wasiOK
}

func noSeek(c *wasiCall) errno {
	if !c.standard() {
		return wasiBadFile
	}
	return wasiNoSeek
}

const characterDevice = 2 // filetype of preview 1

// fdStat describes a standard stream: a character device, of which 1 and 2 may be written.
func fdStat(c *wasiCall) errno {
	if !c.standard() {
		return wasiBadFile
	}
	stat := make([]byte, 24)
	stat[0] = characterDevice
	if c.u32(0) > 0 {
		binary.LittleEndian.PutUint64(stat[8:], 1<<6) // the right to fd_write
	}
	return c.write(1, stat)
}

func fileStat(c *wasiCall) errno {
	if !c.standard() {
		return wasiBadFile
	}
	stat := make([]byte, 64)
	stat[16] = characterDevice
	return c.write(1, stat)
}

// fdRead: standard input is at its end.
func fdRead(c *wasiCall) errno {
	if c.u32(0) != 0 {
		return wasiBadFile
	}
	return c.write(3, make([]byte, 4))
}

// maxVectors bounds the lists of buffers and subscriptions a guest passes in one call.
const maxVectors = 1024

// What an entry of such a list costs in fuel: going through it is work that the guest's own code does not pay for.
const (
	vectorFuel       = 16
	subscriptionFuel = 64
)

// fdWrite takes everything it is given as written, keeping of it what the log's limits allow: a guest must not learn how
// much room is left, and must not loop because of it.
func fdWrite(c *wasiCall) errno {
	stream := c.u32(0)
	if stream != 1 && stream != 2 {
		return wasiBadFile
	}
	count := c.u32(2)
	if count > maxVectors {
		return wasiInvalid
	}
	c.lease.used += int64(count) * vectorFuel
	vectors, ok := c.mem.Read(c.u32(1), count*8)
	if !ok {
		return wasiFault
	}
	var written uint32
	for ; len(vectors) > 0; vectors = vectors[8:] {
		at, size := binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:])
		if uint64(at)+uint64(size) > uint64(c.mem.Size()) || written+size < written {
			return wasiFault
		}
		written += size
		keep := min(size, uint32(max(c.host.logBytes, 0)))
		data, ok := c.mem.Read(at, keep)
		if !ok {
			return wasiFault
		}
		c.host.dropped += int(size - keep)
		if c.options.Log != nil {
			c.host.write(c.ctx, c.options.Log, int(stream), data)
		}
	}
	return c.write(3, binary.LittleEndian.AppendUint32(nil, written))
}

// randomUnit is how many random bytes cost a unit of fuel: making them is work that the guest's own code does not pay for.
const randomUnit = 4

func randomGet(c *wasiCall) errno {
	at, size := c.u32(0), c.u32(1)
	if uint64(at)+uint64(size) > uint64(c.mem.Size()) {
		return wasiFault
	}
	c.lease.used += int64(size / randomUnit)
	if c.lease.overdrawn() != nil {
		return wasiFault // nobody will see it
	}
	for size > 0 {
		n := min(size, 4<<10)
		if !c.mem.Write(at, c.host.random(int(n))) {
			return wasiFault
		}
		at, size = at+n, size-n
	}
	return wasiOK
}

func clockResolution(c *wasiCall) errno {
	if c.u32(0) > 3 {
		return wasiInvalid
	}
	return c.write(1, binary.LittleEndian.AppendUint64(nil, uint64(time.Millisecond)))
}

func clockTime(c *wasiCall) errno {
	if c.u32(0) > 3 {
		return wasiInvalid
	}
	return c.write(2, binary.LittleEndian.AppendUint64(nil, c.clock(c.u32(0))))
}

// clock gives nanoseconds. Clock 0 is the wall clock, the others count from one second: some runtimes take zero for a
// broken clock.
func (c *wasiCall) clock(id uint32) uint64 {
	base := uint64(time.Second)
	if id == 0 {
		base = c.host.wallClock(c.options.Now)
	}
	return saturate(base, c.host.slept)
}

func saturate(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// A subscription is one thing poll_oneoff waits for; 48 bytes in memory, its event 32.
type subscription struct {
	userData [8]byte
	kind     byte   // 0 is a clock, 1 and 2 are files
	wait     uint64 // nanoseconds from now, of a clock
}

func (c *wasiCall) subscription(b []byte) subscription {
	s := subscription{userData: [8]byte(b), kind: b[8], wait: binary.LittleEndian.Uint64(b[24:])}
	if b[40]&1 != 0 { // an absolute time
		now := c.clock(binary.LittleEndian.Uint32(b[16:]))
		s.wait = max(s.wait, now) - now
	}
	return s
}

// pollOneoff never waits: it moves the guest's clocks to the earliest time asked for. Files are never ready and never will
// be, which is an error at once.
func pollOneoff(c *wasiCall) errno {
	count := c.u32(2)
	if count == 0 || count > maxVectors {
		return wasiInvalid
	}
	c.lease.used += int64(count) * subscriptionFuel
	raw, ok := c.mem.Read(c.u32(0), count*48)
	if !ok {
		return wasiFault
	}
	var clocks, files []subscription
	earliest := uint64(math.MaxUint64)
	for ; len(raw) > 0; raw = raw[48:] {
		s := c.subscription(raw)
		if s.kind != 0 {
			files = append(files, s)
			continue
		}
		clocks = append(clocks, s)
		earliest = min(earliest, s.wait)
	}
	var events []byte
	for _, s := range files {
		events = appendEvent(events, s, wasiBadFile)
	}
	if len(files) == 0 {
		c.host.slept = saturate(c.host.slept, earliest)
		for _, s := range clocks {
			if s.wait <= earliest {
				events = appendEvent(events, s, wasiOK)
			}
		}
	}
	if e := c.write(1, events); e != wasiOK {
		return e
	}
	return c.write(3, binary.LittleEndian.AppendUint32(nil, uint32(len(events)/32)))
}

func appendEvent(b []byte, s subscription, e errno) []byte {
	event := make([]byte, 32)
	copy(event, s.userData[:])
	binary.LittleEndian.PutUint16(event[8:], uint16(e))
	event[10] = s.kind
	return append(b, event...)
}
