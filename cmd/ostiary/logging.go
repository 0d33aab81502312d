package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/web"
)

func logLevel(name string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(name))); err != nil {
		return 0, fmt.Errorf("%q is no level; use debug, info, warn or error", name)
	}
	return level, nil
}

// newLog makes the log and the buffer behind it, which is closed last.
func newLog(s logSettings, out io.Writer) (*slog.Logger, *web.LogBuffer, error) {
	level, err := logLevel(s.Level)
	if err != nil {
		return nil, nil, err
	}
	buffer := web.NewLogBuffer(out, 64<<10, 50*time.Millisecond)
	options := &slog.HandlerOptions{Level: level}
	if s.Format == "text" {
		return slog.New(slog.NewTextHandler(buffer, options)), buffer, nil
	}
	return slog.New(web.NewJSONLog(buffer, options)), buffer, nil
}
