package decision

import (
	"fmt"
	"regexp"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of how long a client may wait for its approval.
const (
	minApprovalWait     = time.Minute
	MaxApprovalWait     = 365 * 24 * time.Hour
	DefaultApprovalWait = 7 * 24 * time.Hour
)

// An Approval is what the params of the obligation approval say.
type Approval struct {
	ExpiresIn time.Duration // how long the client waits; after that it is gone
	Queue     string        // by which operators sort those who wait; empty: none
}

// CheckParams holds the params of an obligation ({} when it has none) to what the core can do with them.
func CheckParams(name string, params strictjson.Value) error {
	if name == ObligeApproval {
		_, err := readApproval(params)
		return err
	}
	for member := range params.All() {
		return fmt.Errorf("the obligation %s has no params, and there is %q", name, member)
	}
	return nil
}

// ApprovalOf reads the params of a stored obligation.
func ApprovalOf(o core.Obligation) (Approval, error) {
	if o.Params == "" {
		return readApproval(strictjson.Object())
	}
	params, err := strictjson.Parse([]byte(o.Params), strictjson.Stored)
	if err != nil {
		return Approval{}, err
	}
	return readApproval(params)
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func readApproval(params strictjson.Value) (Approval, error) {
	a := Approval{ExpiresIn: DefaultApprovalWait}
	for name, v := range params.All() {
		switch name {
		case "expires_in":
			seconds, ok := v.Int64()
			if least, most := int64(minApprovalWait/time.Second), int64(MaxApprovalWait/time.Second); !ok || seconds < least || seconds > most {
				return a, fmt.Errorf("expires_in of approval is not a whole number of seconds from %d to %d", least, most)
			}
			a.ExpiresIn = time.Duration(seconds) * time.Second
		case "queue":
			queue, ok := v.Text()
			if !ok || !queueName.MatchString(queue) {
				return a, fmt.Errorf("queue of approval is not a name of 1 to 64 letters, digits and . _ -, a letter or digit first")
			}
			a.Queue = queue
		default:
			return a, fmt.Errorf("approval has no param %q; it has expires_in and queue", name)
		}
	}
	return a, nil
}
