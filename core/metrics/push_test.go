package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/metrics"
)

// A status is pushed whole, so that the value that held before is seen to hold no more; a refusal of the gateway is an error.
func TestPush(t *testing.T) {
	var got string
	answer := http.StatusAccepted
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.Path + " " + string(body)
		w.WriteHeader(answer)
	}))
	defer gateway.Close()
	status := metrics.Status{Name: "bff_dcr_status", Help: "What became of it.", Label: metrics.Of("status", "success", "rat_cached")}
	if err := metrics.Push(t.Context(), gateway.Client(), gateway.URL, "bff", status, "rat_cached"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PUT /metrics/job/bff ", "bff_dcr_status", "success", "rat_cached"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if err := metrics.Push(t.Context(), gateway.Client(), gateway.URL, "bff", status, "great"); err == nil {
		t.Error("a value that the label has not was pushed")
	}
	answer = http.StatusBadRequest
	if err := metrics.Push(t.Context(), gateway.Client(), gateway.URL, "bff", status, "success"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a refusal is %v", err)
	}
}
