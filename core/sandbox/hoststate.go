package sandbox

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"time"
)

// hostState is what the host remembers for a guest during one lease: its randomness, its clock, its log.
type hostState struct {
	seed     [32]byte      // of entropy
	seeded   bool          // somebody gave it
	entropy  cipher.Stream // nil: nothing was drawn yet
	started  uint64        // wall clock of the lease in nanoseconds
	clockSet bool
	slept    uint64 // how far the guest has moved its clocks by sleeping, in nanoseconds

	logBytes, logLines int // what may still be written
	dropped            int
	sink               logSink
	partial            [3][]byte // the line begun, by stream
}

// reset prepares for a lease.
func (h *hostState) reset(l Limits) {
	*h = hostState{logBytes: l.LogBytes, logLines: l.LogLines}
}

type logSink func(ctx context.Context, stream int, line []byte)

// newEntropy is AES-256 in counter mode: the same seed always gives the same stream, and the stream does not give the seed.
func newEntropy(seed [32]byte) cipher.Stream {
	block, err := aes.NewCipher(seed[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize))
}

// initialSeed is fixed for a module, so that all its instances start alike and a replay starts like the original. What a
// guest draws before its snapshot is therefore no secret.
func initialSeed(digest [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("ostiary sandbox initialisation\x00"), digest[:]...))
}

// reseed begins a new stream. It is made when something is drawn: most calls draw nothing.
func (h *hostState) reseed(seed [32]byte) { h.seed, h.seeded, h.entropy = seed, true, nil }

func (h *hostState) random(n int) []byte {
	if h.entropy == nil {
		if !h.seeded {
			_, _ = rand.Read(h.seed[:]) // never fails: crypto/rand ends the process rather than give bad bytes
		}
		h.entropy = newEntropy(h.seed)
	}
	out := make([]byte, n)
	h.entropy.XORKeyStream(out, out)
	return out
}

// wallClock reads now once per lease.
func (h *hostState) wallClock(now func() time.Time) uint64 {
	if !h.clockSet && now != nil {
		h.started = uint64(max(now().UnixMilli(), 0)) * uint64(time.Millisecond)
	}
	h.clockSet = true
	return h.started
}

// write splits data into lines for sink; what is left over waits for its end.
func (h *hostState) write(ctx context.Context, sink logSink, stream int, data []byte) {
	h.sink = sink
	h.logBytes -= len(data)
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte{'\n'})
		h.partial[stream] = append(h.partial[stream], line...)
		if whole {
			h.emit(ctx, stream)
		}
		data = rest
	}
}

func (h *hostState) emit(ctx context.Context, stream int) {
	line := h.partial[stream]
	h.partial[stream] = line[:0]
	if h.logLines <= 0 {
		h.dropped += len(line)
		return
	}
	h.logLines--
	h.sink(ctx, stream, line)
}

// flush emits lines that never ended.
func (h *hostState) flush(ctx context.Context) {
	for stream := range h.partial {
		if len(h.partial[stream]) > 0 {
			h.emit(ctx, stream)
		}
	}
}
