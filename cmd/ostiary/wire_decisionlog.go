package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/decisionlog"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/strictjson"
)

// decisionLogSettings say where decisions of policy are written to. Without a sink they are not.
type decisionLogSettings struct {
	File   decisionFile    `yaml:"file"`
	Stdout bool            `yaml:"stdout"`
	HTTP   decisionService `yaml:"http"`
	Erase  []string        `yaml:"erase"` // JSON pointers of what is left out
	Mask   []string        `yaml:"mask"`  // and of what is hidden

	stdout io.Writer // nil: the process's
}

type decisionFile struct {
	Path    string `yaml:"path"` // empty: no file
	MaxSize int64  `yaml:"max_size_mib" range:"1..102400"`
	Keep    int64  `yaml:"keep" range:"0..1000"`
}

type decisionService struct {
	URL      string        `yaml:"url"` // empty: no service
	Bearer   core.Secret   `yaml:"bearer"`
	Batch    int64         `yaml:"batch" range:"1..10000"`
	Interval time.Duration `yaml:"interval" range:"10ms..10m"`
}

// defaultDecisionLog writes nowhere.
func defaultDecisionLog() decisionLogSettings {
	return decisionLogSettings{
		File: decisionFile{MaxSize: 100, Keep: 5}, HTTP: decisionService{Batch: 100, Interval: 5 * time.Second}, Erase: decisionlog.DefaultErase(),
	}
}

// Validate lists what is wrong (config.Checker).
func (s *decisionLogSettings) Validate() []config.Problem {
	var problems []config.Problem
	for name, list := range map[string][]string{"erase": s.Erase, "mask": s.Mask} {
		for i, pointer := range list {
			if err := decisionlog.CheckPointer(pointer); err != nil {
				problems = append(problems, config.Problem{Path: fmt.Sprintf("%s[%d]", name, i), Text: err.Error()})
			}
		}
	}
	if err := s.HTTP.check(); err != nil {
		problems = append(problems, config.Problem{Path: "http.url", Text: err.Error()})
	}
	return problems
}

func (s *decisionService) check() error {
	if s.URL == "" {
		return nil
	}
	return checkPeerURL(s.URL, "https://logs.example.com/logs", s.Bearer != "")
}

// on tells whether there is a sink.
func (s *decisionLogSettings) on() bool { return s.File.Path != "" || s.Stdout || s.HTTP.URL != "" }

// openDecisionLog opens the decision log with all its sinks.
func (h *house) openDecisionLog() error {
	s := h.settings.DecisionLog
	if !s.on() {
		return nil
	}
	sinks, err := h.decisionSinks(s)
	if err != nil {
		return fmt.Errorf("decision_log: %w", err)
	}
	h.decisionLog, err = decisionlog.Open(decisionlog.Options{
		Labels: []strictjson.Member{
			{Name: "id", Value: strictjson.String(decisionlog.NewInstance(h.now()))}, {Name: "version", Value: strictjson.String(version)},
			{Name: "issuer", Value: strictjson.String(h.settings.IssuerID)},
		},
		Erase: s.Erase, Mask: s.Mask, Sinks: sinks, Log: h.log, Now: h.now,
		Written: func(sink string, n int) { h.meters.logged.Add(float64(n), sink) },
		Dropped: func(sink string, n int) { h.meters.unlogged.Add(float64(n), sink) },
	})
	if err != nil {
		return fmt.Errorf("decision_log: %w", err)
	}
	h.closers = append(h.closers, h.decisionLog.Close)
	return nil
}

func (h *house) decisionSinks(s decisionLogSettings) ([]decisionlog.Sink, error) {
	var sinks []decisionlog.Sink
	if s.File.Path != "" {
		file, err := decisionlog.OpenFile(decisionlog.FileOptions{Path: s.File.Path, MaxSize: s.File.MaxSize << 20, Keep: int(s.File.Keep)})
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, file)
	}
	if s.Stdout {
		sinks = append(sinks, decisionlog.NewStream(cmp.Or[io.Writer](s.stdout, os.Stdout)))
	}
	if s.HTTP.URL != "" {
		trust, err := h.trustedCAs()
		if err != nil {
			return nil, err
		}
		peer := fetch.NewPeer(fetch.PeerOptions{Timeout: decisionServiceTimeout, TrustCA: trust})
		h.closers = append(h.closers, func() error { peer.Close(); return nil })
		sinks = append(sinks, decisionlog.NewHTTP(decisionlog.HTTPOptions{
			URL: s.HTTP.URL, Bearer: s.HTTP.Bearer, Batch: int(s.HTTP.Batch), Interval: s.HTTP.Interval, Peer: peer,
		}))
	}
	return sinks, nil
}

const decisionServiceTimeout = 10 * time.Second

// recorder is who is told of decisions; nil when nobody is to write them down.
func (h *house) recorder() func(decision.Taken) {
	if h.decisionLog == nil {
		return nil
	}
	return h.decisionLog.Record
}
