package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
)

func bffCommand() *cobra.Command {
	var file, data, listen, opsListen string
	cmd := &cobra.Command{
		Use:   "bff [-c bff.yaml]",
		Short: "Run the backend-for-frontend alone, beside an identity provider",
		Long: "Runs the backend-for-frontend as a process of its own, beside any OpenID Provider that lets clients register (RFC 7591,\n" +
			"RFC 7592) or where an operator registered one. It is set by variables of the environment (DCR_IAT, IDP_BASE_URL, DCR_REDIRECT_URIS\n" +
			"and others), by a file, or by both: the environment counts more. core/bff/README.md names all of them.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, notes, err := readBackend(file, func(s *backendSettings) {
				for flag, to := range map[string]struct{ from, to *string }{
					"data": {&data, &s.DataDir}, "listen": {&listen, &s.Listen}, "ops-listen": {&opsListen, &s.OpsListen},
				} {
					if cmd.Flags().Changed(flag) {
						*to.to = *to.from
					}
				}
			}, os.Environ())
			if err != nil {
				return err
			}
			log, buffer, err := newLog(s.Log, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer buffer.Close()
			for _, note := range notes {
				log.Warn(note)
			}
			return runBackend(cmd.Context(), s, log)
		},
	}
	begins := defaultBackend()
	flags := cmd.Flags()
	flags.StringVarP(&file, "config", "c", "", "a configuration file")
	flags.StringVar(&data, "data", begins.DataDir, "folder of everything that is kept")
	flags.StringVar(&listen, "listen", begins.Listen, "address of the backend; port 0 picks a free one")
	flags.StringVar(&opsListen, "ops-listen", begins.OpsListen, "address of health and metrics; port 0 picks a free one")
	return cmd
}

// runBackend runs a backend until ctx ends. It does not stay without a registration, unless that was asked for.
func runBackend(ctx context.Context, s backendSettings, log *slog.Logger) (err error) {
	if err := s.checkFiles(ctx); err != nil {
		return err
	}
	if s.TLS.Cert != "" {
		s.TLS.pair = &tlsPair{}
	}
	public, err := listen(s.Listen, s.TLS, tls.NoClientCert)
	if err != nil {
		return err
	}
	defer public.Close()
	private, err := listen(s.OpsListen, tlsSettings{}, tls.NoClientCert)
	if err != nil {
		return err
	}
	defer private.Close()
	s.bound(public.Addr())
	o, err := buildOutpost(s, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return o.serve(ctx, public, private)
}
