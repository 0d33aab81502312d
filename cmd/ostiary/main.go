// Command ostiary is the OpenID Provider in one binary. One file holds one command; wire.go is the only place where parts meet.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// Exit codes: 0 done, 1 it failed, 2 it was called wrongly. Of a command whose answer is yes or no, 1 is that answer, and 2 is also
// that there is none.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "ostiary: %v\n", err)
	return exitCode(err)
}

func exitCode(err error) int {
	if errors.As(err, new(usageError)) || errors.As(err, new(unanswered)) {
		return exitUsage
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ostiary",
		Short: "An OpenID Provider whose registration desk is programmable",
		Long: "Ostiary is an OpenID Provider in one binary. Rego policies decide client registration, WASM plugins shape it,\n" +
			"and every decision can be explained.\n\nStart with: ostiary dev",
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; see ostiary --help", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; see %s --help", err, cmd.CommandPath())
	})
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(devCommand(), serveCommand(), bffCommand(), userCommand(), keyCommand(), clientCommand(), iatCommand(), issuerCommand(), decisionCommand(), simulateCommand(), planCommand(), applyCommand(), exportCommand(), importCommand(), policyCommand(), pluginCommand(), versionCommand())
	return root
}

// helpCommand tells about a command, and of one that is not there that it is not.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Tell about a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q; see ostiary --help", strings.Join(args, " "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// usageError is a command that was called wrongly.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// unanswered is why a command whose answer is yes or no has none.
type unanswered struct{ error }

// Unwrap gives the cause.
func (e unanswered) Unwrap() error { return e.error }

// noArguments refuses stray words after a command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
