package badger

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	residentFiles = 64 << 20 // bytes of mapped files that may stay in memory, the binary's own included
	lookAtPages   = 2 * time.Second

	pageOut = 21 // MADV_PAGEOUT of linux/mman.h, which package syscall does not have
)

// A pager bounds the memory that mapped tables take. Badger writes its tables through maps, and what was touched once stays:
// a store of 100,000 clients would hold a few hundred megabytes that hardly anybody reads. When more than residentFiles is
// resident, the kernel is asked to take the tables' pages back; those that are read again come back one by one.
type pager struct {
	dir   string // as the kernel spells it
	stop  chan struct{}
	ended chan struct{}
}

func startPager(dir string) *pager {
	p := &pager{dir: dir, stop: make(chan struct{}), ended: make(chan struct{})}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		p.dir = real
	}
	if absolute, err := filepath.Abs(p.dir); err == nil {
		p.dir = absolute
	}
	go p.run()
	return p
}

func (p *pager) close() {
	close(p.stop)
	<-p.ended
}

func (p *pager) run() {
	defer close(p.ended)
	ticker := time.NewTicker(lookAtPages)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if resident() > residentFiles {
				p.release()
			}
		case <-p.stop:
			return
		}
	}
}

// resident gives the bytes of mapped files in memory; 0 when the system does not tell.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	var size, total, shared int
	if _, scanned := fmt.Sscan(string(text), &size, &total, &shared); err != nil || scanned != nil {
		return 0
	}
	return shared * os.Getpagesize()
}

// release asks for the pages of all tables and says how many maps it asked for. A map may be gone by then and its addresses
// another's: taking pages back changes nothing that anybody can read.
func (p *pager) release() (asked int) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if start, end, ok := p.tableMap(lines.Text()); ok {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, start, end-start, pageOut) // an old kernel refuses, and nothing is lost
			asked++
		}
	}
	return asked
}

// tableMap reads a line of /proc/self/maps and tells whether it is a table of the folder.
func (p *pager) tableMap(line string) (start, end uintptr, ok bool) {
	at := strings.IndexByte(line, '/')
	if at < 0 || !strings.HasPrefix(line[at:], p.dir+"/") {
		return 0, 0, false
	}
	if name := strings.TrimSuffix(line[at:], " (deleted)"); !strings.HasSuffix(name, ".sst") {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(line, "%x-%x", &start, &end)
	return start, end, err == nil && end > start
}
