package oauth

import "testing"

func TestIsOrigin(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "http://localhost:3000": true, "https://[::1]:8443": true, "http://app.example": true,
		"": false, "null": false, "*": false, "https://": false, "app.example.com": false, "https://app.example.com/": false,
		"https://app.example.com:443": false, "http://app.example.com:80": false, "https://APP.example.com": false, "HTTPS://app.example.com": false,
		"https://me@app.example.com": false, "https://app.example.com?x": false, "https://app.example.com#x": false, "ftp://app.example.com": false,
		"https://app.example.com\n": false, "https://a b.example": false,
	} {
		if got := IsOrigin(origin); got != want {
			t.Errorf("%q: %t", origin, got)
		}
	}
}
