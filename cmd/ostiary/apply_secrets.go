package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// secretsFile keeps the secrets that a server made, in the form of a clients.yaml. A nil one keeps none.
type secretsFile struct {
	mu   sync.Mutex
	file *os.File
}

// openSecrets makes a new file that only its owner reads; "" is none.
func openSecrets(name string) (*secretsFile, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--secrets-file: %w", err)
	}
	_, err = io.WriteString(file, secretsHead)
	return &secretsFile{file: file}, err
}

// secretsHead is what such a file begins with.
const secretsHead = "# Secrets that were made for declared clients. Give each to its client; add it to its declaration, or leave it out there.\n" +
	"# A client that has only a comment was asked for when the answer was lost: if it is there, give it a new secret with\n" +
	"# ostiary client rotate-secret.\n"

// announce writes down that a secret is asked for: whatever happens then, it is known of which client.
func (s *secretsFile) announce(id string) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := fmt.Fprintf(s.file, "# asked for: %q\n", id)
	return err
}

func (s *secretsFile) add(id, secret string) error {
	lost := "the secret that the server made is lost (%w): give the client a new one with ostiary client rotate-secret"
	if s == nil {
		return fmt.Errorf(lost, errors.New("it was not planned"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintf(s.file, "- client_id: %q\n  client_secret: %q\n", id, secret); err != nil {
		return fmt.Errorf(lost, err)
	}
	return nil
}

func (s *secretsFile) close() error {
	if s == nil {
		return nil
	}
	return s.file.Close()
}
