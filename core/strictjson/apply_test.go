package strictjson

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// anyValue makes a document by chance.
func anyValue(random *rand.Rand, depth int) Value {
	switch random.IntN(5 + min(depth, 1)*3) {
	case 0:
		return Null()
	case 1:
		return Bool(true)
	case 2:
		return Int(int64(random.IntN(3)))
	case 3:
		return String([]string{"", "a", "~/"}[random.IntN(3)])
	case 4:
		return Strings([]string{"a", "b"}[:random.IntN(3)])
	}
	var members []Member
	for _, name := range []string{"a", "b", "~", "/", "~1", ""} {
		if random.IntN(2) == 0 {
			members = append(members, Member{Name: name, Value: anyValue(random, depth-1)})
		}
	}
	return Object(members...)
}

// What Diff tells, Apply does.
func TestApplyUndoesDiff(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		before, after := anyValue(random, 3), anyValue(random, 3)
		got, err := Apply(before, Diff(before, after))
		if err != nil || !Equal(got, after) {
			t.Fatalf("%s to %s by %+v: %s, %v", before, after, Diff(before, after), got, err)
		}
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	doc := Object(Member{Name: "a", Value: Int(1)})
	for _, op := range []PatchOp{
		{Op: "remove", Path: "/b"}, {Op: "replace", Path: "/b", Value: Int(1)}, {Op: "add", Path: "/a/b", Value: Int(1)}, {Op: "add", Path: "/b/c", Value: Int(1)},
	} {
		if got, err := Apply(doc, []PatchOp{op}); err == nil {
			t.Errorf("%+v: %s", op, got)
		}
	}
	for path, want := range map[string]string{"": "", "/scope": "scope", "/jwks/keys": "jwks", "/a~1b/c": "a/b"} {
		if got := (PatchOp{Path: path}).Top(); got != want {
			t.Errorf("%s: %s", fmt.Sprintf("%q", path), got)
		}
	}
}
