package decision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestApprovalOf(t *testing.T) {
	for params, want := range map[string]decision.Approval{
		"": {ExpiresIn: 7 * 24 * time.Hour}, `{}`: {ExpiresIn: 7 * 24 * time.Hour}, `{"queue":"a.B-9_"}`: {ExpiresIn: 7 * 24 * time.Hour, Queue: "a.B-9_"},
		`{"expires_in":60}`: {ExpiresIn: time.Minute}, `{"expires_in":31536000,"queue":"9"}`: {ExpiresIn: 365 * 24 * time.Hour, Queue: "9"},
	} {
		got, err := decision.ApprovalOf(core.Obligation{Name: decision.ObligeApproval, Params: params})
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", params, got, err)
		}
	}
	for params, says := range map[string]string{
		`{"expires_in":59}`: "60 to 31536000", `{"expires_in":31536001}`: "60 to", `{"expires_in":60.5}`: "whole number", `{"expires_in":"60"}`: "whole number",
		`{"expires_in":99999999999999999999}`: "whole number", `{"queue":""}`: "queue", `{"queue":"-a"}`: "queue", `{"queue":"a b"}`: "queue", `{"queue":7}`: "queue",
		`{"queue":"a\n"}`: "queue", `{"queue":"` + strings.Repeat("a", 65) + `"}`: "queue", `{"days":1}`: `no param "days"`, `{`: "",
	} {
		if got, err := decision.ApprovalOf(core.Obligation{Name: decision.ObligeApproval, Params: params}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", params, got, err)
		}
	}
}

func TestCheckParams(t *testing.T) {
	some := strictjson.Object(strictjson.Member{Name: "x", Value: strictjson.Int(1)})
	for _, name := range []string{decision.ObligePKCE, decision.ObligePAR, decision.ObligeConsentAlways, decision.ObligeConsent, decision.ObligeApproval} {
		if err := decision.CheckParams(name, strictjson.Object()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := decision.CheckParams(name, some); err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
