package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of the manual that make certificates, as openssl would.

// makeAuthority makes an authority: authority NAME leaves NAME.pem and NAME-key.pem.
func makeAuthority(ts *testscript.TestScript, neg bool, args []string) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: args[0]}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	issue(ts, args[0], template, nil)
}

// certify lets an authority issue a certificate for clients and for this machine: certify NAME AUTHORITY COMMON-NAME.
func certify(ts *testscript.TestScript, neg bool, args []string) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: args[2], Country: []string{"DE"}}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	by, err := tls.LoadX509KeyPair(ts.MkAbs(args[1]+".pem"), ts.MkAbs(args[1]+"-key.pem"))
	ts.Check(err)
	issue(ts, args[0], template, &by)
}

// issue writes a certificate and its key; without an issuer it signs itself.
func issue(ts *testscript.TestScript, name string, template *x509.Certificate, by *tls.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	ts.Check(err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + "-key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(block), 0o600))
	}
}
