package fetch

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// LoadCA gives the system's authorities and those of a PEM file. A file without a certificate, or with one that cannot be
// read, is an error.
func LoadCA(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // none on this system: the file's alone
		pool = x509.NewCertPool()
	}
	if err := addAll(pool, data); err != nil {
		return nil, fmt.Errorf("authorities %s: %w", path, err)
	}
	return pool, nil
}

func addAll(pool *x509.CertPool, data []byte) error {
	found := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("contains a %s", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(certificate)
		found++
	}
	if found == 0 {
		return errors.New("contains no certificate")
	}
	return nil
}
