package replay

import (
	"testing"

	"github.com/ostiary/ostiary/core"
)

// What is not listed is not held on to either: a report keeps thousands of rulings, and its bound counts what is listed.
func TestTrimmedRulingIsItsOwn(t *testing.T) {
	all := make([]core.Reason, maxReasons+5)
	r := Ruling{Reasons: all}.trimmed()
	all[0].Rule = "later"
	if len(r.Reasons) != maxReasons || r.More != 5 || r.Reasons[0].Rule != "" {
		t.Errorf("%d reasons, %d more, the first %+v", len(r.Reasons), r.More, r.Reasons[0])
	}
}
