package hook

import "testing"

func TestReads(t *testing.T) {
	for _, c := range []struct {
		reads  Reads
		member string
		want   bool
	}{
		{nil, "client_name", false},
		{Reads{"client_name"}, "client_name", true},
		{Reads{"client_name"}, "client_name#fr", true},
		{Reads{"client_name"}, "client_names", false},
		{Reads{"client_name"}, "client", false},
		{Reads{"scope", AllMembers}, "anything#xx", true},
	} {
		if got := c.reads.Has(c.member); got != c.want {
			t.Errorf("%q asks for %s: %t", c.reads, c.member, got)
		}
	}
	if (Reads{"scope"}).All() || !(Reads{"scope", AllMembers}).All() {
		t.Error("who asks for everything")
	}
}
