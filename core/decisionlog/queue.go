package decisionlog

import "sync"

// line is one event on its way to a sink. Its text is shared and never changed.
type line struct {
	text    []byte
	refused bool
	order   uint64
}

// maxQueuedBytes bounds what waits for one sink.
const maxQueuedBytes = 32 << 20

// A queue holds lines in the order they came in, within bounds. When it is full, lines of allowed decisions go first.
type queue struct {
	mu      sync.Mutex
	limit   int
	room    int // bytes that are left
	order   uint64
	allowed fifo
	refused fifo
}

// fifo is a list that is taken from at its front.
type fifo struct {
	lines []line
	front int
}

func (f *fifo) len() int { return len(f.lines) - f.front }

func (f *fifo) push(l line) { f.lines = append(f.lines, l) }

func (f *fifo) pop() line {
	l := f.lines[f.front]
	f.lines[f.front] = line{}
	if f.front++; f.front == len(f.lines) {
		f.lines, f.front = f.lines[:0], 0
	} else if f.front > len(f.lines)/2 && f.front > 64 {
		n := copy(f.lines, f.lines[f.front:])
		clear(f.lines[n:])
		f.lines, f.front = f.lines[:n], 0
	}
	return l
}

func newQueue(limit int) *queue { return &queue{limit: limit, room: maxQueuedBytes} }

// put adds a line and tells how many were lost for it: others, or itself.
func (q *queue) put(l line) (lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.text) > maxQueuedBytes { // nobody has to go for what never fits
		return 1
	}
	for q.full(l) {
		if !l.refused || q.allowed.len() == 0 {
			return lost + 1
		}
		q.room += len(q.allowed.pop().text)
		lost++
	}
	q.order++
	l.order = q.order
	q.room -= len(l.text)
	if l.refused {
		q.refused.push(l)
	} else {
		q.allowed.push(l)
	}
	return lost
}

func (q *queue) full(l line) bool {
	return q.allowed.len()+q.refused.len() >= q.limit || len(l.text) > q.room
}

// take removes the oldest lines, at most n and, but for the first, of size bytes together.
func (q *queue) take(n, size int) [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch [][]byte
	for len(batch) < n {
		from := &q.allowed
		if q.refused.len() > 0 && (from.len() == 0 || q.refused.lines[q.refused.front].order < from.lines[from.front].order) {
			from = &q.refused
		}
		if from.len() == 0 || len(batch) > 0 && len(from.lines[from.front].text) > size {
			break
		}
		text := from.pop().text
		size -= len(text)
		q.room += len(text)
		batch = append(batch, text)
	}
	return batch
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.allowed.len() + q.refused.len()
}
