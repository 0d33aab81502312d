//go:build unix

package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// BenchmarkPlan plans 10,000 declared clients (1,000 with -short) by command, over HTTP, against a server of its own with its store on
// disk: all of them new, and all of them there already.
func BenchmarkPlan(b *testing.B) {
	clients := 10_000
	if testing.Short() {
		clients = 1_000
	}
	_, address := openHall(b)
	dir := declareClients(b, 0, clients)
	planned := func(want planSummary) func(b *testing.B) {
		return func(b *testing.B) {
			before := processor()
			for b.Loop() {
				if got := declarer(b, address, "plan", dir); got != want {
					b.Fatalf("%v, want %v", got, want)
				}
			}
			b.ReportMetric(float64(clients*b.N)/b.Elapsed().Seconds(), "clients/s")
			b.ReportMetric(float64((processor()-before).Microseconds())/float64(clients*b.N), "cpu-µs/client")
		}
	}
	b.Run("first", planned(planSummary{Create: clients}))
	declarer(b, address, "apply", dir, "--yes")
	b.Run("unchanged", planned(planSummary{Unchanged: clients}))
}

// A crowd is a server with so many clients, and who lets more in.
type crowd struct {
	*house
	clients int
	tokens  []core.Secret
	serial  int
	took    []time.Duration // of the processor, for each client of a batch
}

func gather(b *testing.B, clients int) *crowd {
	b.Helper()
	h, _ := openHall(b)
	c := &crowd{house: h, clients: clients}
	for made := 0; made < clients; made += batch {
		c.register(b, min(batch, clients-made))
	}
	return c
}

// How many clients are registered at a time, and how many of these at once.
const (
	batch  = 1_000
	atDesk = 32
)

// register lets so many clients register, each with an initial access token.
func (c *crowd) register(b *testing.B, n int) {
	b.Helper()
	if len(c.tokens) == 0 || c.serial%(5*batch) == 0 { // one is good for 10,000
		c.tokens = nil
		uses := int64(10_000)
		for range atDesk {
			_, secret, err := c.house.tokens.Mint(b.Context(), "ada", registration.TokenRequest{MaxUses: &uses})
			if err != nil {
				b.Fatal(err)
			}
			c.tokens = append(c.tokens, secret)
		}
	}
	var mu sync.Mutex
	var failed error
	first := c.serial
	c.serial += n
	atOnce(atDesk, n, func(i int) {
		body, err := strictjson.Parse([]byte(fmt.Sprintf(`{"client_name":"App %d","redirect_uris":["https://app%d.example.com/cb"],"scope":"openid profile email"}`,
			first+i, first+i)), strictjson.Default)
		if err == nil {
			_, err = c.desk.Do(b.Context(), registration.Request{
				Operation: core.Register, Channel: core.ChannelDCR, Decision: core.NewDecisionID(time.Now()), Body: body,
				Caller: core.Caller{IP: "192.0.2.1"}, Credential: registration.Credential{Bearer: c.tokens[i%atDesk]},
			})
		}
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = err
		}
	})
	if failed != nil {
		b.Fatal(failed)
	}
}

// measure registers a batch and takes down what that cost.
func (c *crowd) measure(b *testing.B) {
	b.Helper()
	before := processor()
	c.register(b, batch)
	c.took = append(c.took, (processor()-before)/batch)
}

// median is of what a client cost.
func (c *crowd) median() time.Duration {
	slices.Sort(c.took)
	return c.took[len(c.took)/2]
}

// BenchmarkRegisterAmong registers clients where there are 1,000 and where there are 100,000 (10,000 with -short), in five turns, so
// that the ratio of the two is worth something on a machine that does something else as well. A turn is a thousand clients at each.
func BenchmarkRegisterAmong(b *testing.B) {
	many := 100_000
	if testing.Short() {
		many = 10_000
	}
	small, large := gather(b, batch), gather(b, many)
	for b.Loop() {
		for range 5 {
			small.measure(b)
			large.measure(b)
		}
	}
	for _, c := range []*crowd{small, large} {
		b.ReportMetric(float64(c.median().Microseconds()), fmt.Sprintf("cpu-µs/among-%d", c.clients))
	}
	b.ReportMetric(float64(large.median())/float64(small.median()), "ratio")
}
