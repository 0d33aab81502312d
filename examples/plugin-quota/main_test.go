//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

func TestTwoClientsAndNoMore(t *testing.T) {
	kept := map[string]string{}
	ostiary.Use(&ostiary.Fake{
		KV: kept,
		Policy: func(rule string, input ostiary.Value) ostiary.Value {
			if rule == "most" && input.Get("partner").Text() == "team-a" {
				return ostiary.Int(2)
			}
			return ostiary.Value{}
		},
	})
	for _, want := range []string{"continue", "continue", "access_denied"} {
		answer, err := ostiary.Run("pre_register", []byte(`{"context":{"initial_access_token":{"label":"team-a"}}}`))
		if err != nil || !strings.Contains(string(answer), want) {
			t.Errorf("got %s, %v, want %s", answer, err, want)
		}
	}
	if kept["clients of team-a"] != "2" {
		t.Errorf("keeps %v", kept)
	}
}

func TestOthersAreNotCounted(t *testing.T) {
	for _, context := range []string{`{}`, `{"initial_access_token":{"label":"team-b"}}`} {
		ostiary.Use(&ostiary.Fake{Refuse: map[string]ostiary.Refusal{"kv_put": ostiary.ErrReadOnly}})
		answer, err := ostiary.Run("pre_register", []byte(`{"context":`+context+`}`))
		if err != nil || !strings.Contains(string(answer), "continue") {
			t.Errorf("%s: %s, %v", context, answer, err)
		}
	}
}

// What a capability refuses is a fault: no client is registered that was not counted.
func TestRefusalsAreFaults(t *testing.T) {
	for _, use := range []string{"kv_get", "kv_put", "policy_eval"} {
		ostiary.Use(&ostiary.Fake{
			Policy: func(string, ostiary.Value) ostiary.Value { return ostiary.Int(1) },
			Refuse: map[string]ostiary.Refusal{use: ostiary.ErrUnavailable},
		})
		if answer, err := ostiary.Run("pre_register", []byte(`{"context":{"initial_access_token":{"label":"a"}}}`)); err == nil {
			t.Errorf("%s: %s", use, answer)
		}
	}
}
