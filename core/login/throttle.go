package login

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
)

// The throttle of one account: some tries are free; after each further one the account waits, twice as long every
// time, up to a bound. Nobody gets in meanwhile, not even its owner; the right password after a wait ends it all, whether policy then allows
// a session or not, and so does a one-time link.
const (
	freeTries    = 5
	firstWait    = time.Minute
	longestClose = 15 * time.Minute
	forgetAfter  = time.Hour // without a try
)

// waitAfter is how long an account is closed after the nth try.
func waitAfter(n int) time.Duration {
	if n < freeTries {
		return 0
	}
	const doublings = 4 // 1, 2, 4, 8 and then the longest
	if n-freeTries >= doublings {
		return longestClose
	}
	return firstWait << (n - freeTries)
}

// mayTry refuses an account that waits.
func mayTry(t Tries, now time.Time) error {
	if !t.Opens.After(now) {
		return nil
	}
	wait := t.Opens.Sub(now)
	return &core.Error{
		Code: core.TooManyRequests, RetryAfter: wait,
		Detail: "Too many tries with this username. Wait " + inWords(wait) + ", then try again.",
	}
}

func inWords(wait time.Duration) string {
	if wait <= time.Minute {
		return "a minute"
	}
	return strconv.FormatInt(int64((wait+time.Minute-1)/time.Minute), 10) + " minutes"
}

// open looks whether an account may be tried, before anything is spent on the try.
func (d *Desk) open(ctx context.Context, a Account) error {
	tries, err := d.throttle.Tries(ctx, a)
	if err != nil {
		return err
	}
	return mayTry(tries, d.now())
}

// maxRaces is how often a write is tried again because somebody else was faster. Of tries at one account only the free ones can
// be, before it closes.
const maxRaces = 4 * freeTries

// countTry counts a try before the password is compared: of many at once no more get through than one after the other. The place
// in the count that the try before left does for this one, as long as the count is still as it was.
func (d *Desk) countTry(ctx context.Context, turn *turn) (place Stamp, err error) {
	for range maxRaces {
		tries, err := d.throttle.Tries(ctx, turn.account)
		if err != nil {
			return Stamp{}, err
		}
		if tries.Stamp != (Stamp{}) && tries.Stamp == turn.place {
			return turn.place, nil
		}
		now := d.now()
		if err := mayTry(tries, now); err != nil {
			return Stamp{}, err
		}
		tries.Count++
		tries.Opens = now.Add(waitAfter(tries.Count))
		err = d.throttle.CountTry(ctx, turn.account, tries, now.Add(forgetAfter))
		switch {
		case err == nil && tries.Count == 1:
			return d.placeOf(ctx, turn.account)
		case !errors.Is(err, ErrChanged):
			return Stamp{}, err
		}
	}
	return Stamp{}, &core.Error{Code: core.TooManyRequests, Detail: "Too many tries with this username at once; try again.", RetryAfter: time.Second}
}

// placeOf names the place of the only try that is counted; zero when another process has counted one since.
func (d *Desk) placeOf(ctx context.Context, a Account) (Stamp, error) {
	tries, err := d.throttle.Tries(ctx, a)
	if err != nil || tries.Count != 1 {
		return Stamp{}, err
	}
	return tries.Stamp, nil
}
