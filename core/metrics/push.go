package metrics

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

// A Status is a gauge of somebody else's making, kept under the name that others look for: 1 for the value of its label that holds
// now, 0 for all the others.
type Status struct {
	Name, Help string
	Label      Label
}

// Push sends a status to a Pushgateway, in place of what the job sent before.
func Push(ctx context.Context, client *http.Client, gateway, job string, s Status, holds string) error {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: s.Name, Help: s.Help}, []string{s.Label.Name})
	for _, value := range s.Label.Values {
		vec.WithLabelValues(value).Set(0)
	}
	if s.Label.index(holds) < 0 {
		return fmt.Errorf("push %s: %q is no %s", s.Name, holds, s.Label.Name)
	}
	vec.WithLabelValues(holds).Set(1)
	if err := push.New(gateway, job).Client(client).Collector(vec).PushContext(ctx); err != nil {
		return fmt.Errorf("push %s: %w", s.Name, err)
	}
	return nil
}
