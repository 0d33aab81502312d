package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// A small stand-in for curl, so that the manual and the tours of README.md need nothing but Go. It knows the options that are
// used there.

// request is what a curl command line asks for.
type request struct {
	method, url string
	header      http.Header
	data        []string
	cookies     string // file that cookies are read from
	jar         string // file that they are kept in

	authority, cert, key string // PEM files: who may issue the server's certificate, and the caller's own with its key
}

// answer is what comes back.
type answer struct {
	status int
	header http.Header
	body   string
}

// curlOptions are those that take a value.
var curlOptions = map[string]func(r *request, value string){
	"-X": func(r *request, method string) { r.method = method },
	"-H": func(r *request, line string) {
		name, value, _ := strings.Cut(line, ":")
		r.header.Add(name, strings.TrimSpace(value))
	},
	"-u": func(r *request, credentials string) {
		name, password, _ := strings.Cut(credentials, ":")
		basic := http.Request{Header: r.header}
		basic.SetBasicAuth(name, password)
	},
	"-d":            func(r *request, part string) { r.data = append(r.data, part) },
	"--data":        func(r *request, part string) { r.data = append(r.data, part) },
	"--data-binary": func(r *request, part string) { r.data = append(r.data, part) },
	"--data-urlencode": func(r *request, part string) {
		name, value, _ := strings.Cut(part, "=")
		r.data = append(r.data, name+"="+url.QueryEscape(value))
	},
	"-b": func(r *request, file string) { r.cookies = file },
	"-c": func(r *request, file string) { r.jar = file },

	"--cacert": func(r *request, file string) { r.authority = file },
	"--cert":   func(r *request, file string) { r.cert = file },
	"--key":    func(r *request, file string) { r.key = file },
}

// curlFlags say nothing that matters here: what is printed, and that a certificate is not verified where there is none.
var curlFlags = []string{"-s", "-S", "-sS", "-k", "-i"}

// parseCurl reads a command line.
func parseCurl(args []string) (request, error) {
	r := request{header: http.Header{}}
	for i := 0; i < len(args); i++ {
		set, takes := curlOptions[args[i]]
		switch {
		case takes && i+1 == len(args):
			return r, fmt.Errorf("%s needs a value", args[i])
		case takes:
			set(&r, args[i+1])
			i++
		case slices.Contains(curlFlags, args[i]):
		case strings.HasPrefix(args[i], "-"):
			return r, fmt.Errorf("unknown option %s", args[i])
		case r.url != "":
			return r, fmt.Errorf("two addresses: %s and %s", r.url, args[i])
		default:
			r.url = args[i]
		}
	}
	if r.method == "" {
		r.method = http.MethodGet
		if r.data != nil {
			r.method = http.MethodPost
		}
	}
	if r.data != nil && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
	}
	return r, nil
}

// send makes one request on a connection of its own.
func (r request) send() (answer, error) {
	req, err := http.NewRequest(r.method, r.url, strings.NewReader(strings.Join(r.data, "&")))
	if err != nil {
		return answer{}, err
	}
	conn, err := r.dial(req.URL)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	req.Header, req.Close = r.header.Clone(), true
	for name, value := range readJar(r.cookies) {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if err := req.Write(conn); err != nil {
		return answer{}, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && r.jar != "" {
		err = keepCookies(r.jar, readJar(r.cookies), req.URL.Hostname(), res.Cookies())
	}
	return answer{res.StatusCode, res.Header, string(body)}, err
}

// dial connects to the server, over TLS where the address says so.
func (r request) dial(to *url.URL) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", to.Host, patience)
	if err != nil || to.Scheme != "https" {
		return conn, err
	}
	trusted, err := os.ReadFile(r.authority)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: to.Hostname()}
	config.RootCAs.AppendCertsFromPEM(trusted)
	if r.cert != "" {
		pair, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil } // whomever the server trusts
	}
	return tls.Client(conn, config), nil
}

// jarFields are those of a line of a cookie jar: domain, subdomains, path, secure, expires, name, value.
const jarFields = 7

// readJar gives the cookies of a jar. One that is not there yet has none.
func readJar(file string) map[string]string {
	cookies := map[string]string{}
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(fields) == jarFields {
			cookies[fields[5]] = fields[6]
		}
	}
	return cookies
}

// keepCookies writes a jar of one host: what was there, and what an answer changed.
func keepCookies(file string, cookies map[string]string, host string, set []*http.Cookie) error {
	for _, c := range set {
		if cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(cookies, c.Name)
		}
	}
	var lines []string
	for name, value := range cookies {
		lines = append(lines, strings.Join([]string{host, "FALSE", "/", "FALSE", "0", name, value}, "\t")+"\n")
	}
	slices.Sort(lines)
	return os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600)
}

// curlMain is curl for the shell snippets of README.md.
func curlMain() {
	r, err := parseCurl(os.Args[1:])
	if err == nil {
		var got answer
		got, err = r.send()
		fmt.Println(got.body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}
