package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newPair makes a certificate for nobody in particular, with its key, in PEM files.
func newPair(t *testing.T) (tlsSettings, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := tlsSettings{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Callers are asked for a certificate only where the operator wants it, and need not have one.
func TestClientCertificates(t *testing.T) {
	files, pair := newPair(t)
	for _, test := range []struct {
		from string
		has  bool
		seen int
	}{{"", true, 0}, {fromHeader, true, 0}, {fromTLS, false, 0}, {fromTLS, true, 1}} {
		from := certificateSettings{From: test.from}
		ln, err := listen("127.0.0.1:0", files, from.handshake())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(chan string, 1)
		go func() {
			conn, err := ln.Accept()
			if err != nil {
				seen <- err.Error()
				return
			}
			defer conn.Close()
			secured := conn.(*tls.Conn)
			err = secured.HandshakeContext(t.Context())
			seen <- fmt.Sprint(len(secured.ConnectionState().PeerCertificates), err)
		}()
		config := &tls.Config{InsecureSkipVerify: true}
		if test.has {
			config.Certificates = []tls.Certificate{pair}
		}
		conn, err := tls.Dial("tcp", ln.Addr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != fmt.Sprint(test.seen, nil) {
			t.Errorf("%+v: %s", test, got)
		}
		conn.Close()
		ln.Close()
	}
}
