package fetch

import (
	"errors"
	"net/netip"
	"testing"
)

func TestGlobalAddresses(t *testing.T) {
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888",
	} {
		if !isGlobal(netip.MustParseAddr(text)) {
			t.Errorf("%s is a public address", text)
		}
	}
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.0", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
		"192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:8.8.8.8", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::808:808",
		"64:ff9b:1::a00:1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "5f00::1",
		"2606:4700:4700::1111%eth0",
	} {
		if isGlobal(netip.MustParseAddr(text)) {
			t.Errorf("%s is not a public address", text)
		}
	}
	if isGlobal(netip.Addr{}) || !isNever(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

// A rule as wide as the Internet opens private addresses, and still none of these.
func TestNoRuleOpensTheseAddresses(t *testing.T) {
	var rules []rule
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		r, err := Rule{Host: all}.compile()
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	to := target{scheme: "https", host: "x", port: 443}
	for _, text := range []string{"10.1.2.3", "127.0.0.1", "::1", "::ffff:127.0.0.1", "100.64.0.1", "fd00::1", "192.168.0.1", "8.8.8.8"} {
		if err := permit(rules, to, netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
		"192.0.0.192", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:1::1",
	} {
		if err := permit(rules, to, netip.MustParseAddr(text)); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRulesMatchExactly(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	to := target{purpose: "jwks", scheme: "https", host: "keys.example", port: 8443}
	for _, test := range []struct {
		name string
		rule Rule
		want bool
	}{
		{"name", Rule{Host: "keys.example", Port: 8443}, true},
		{"name in another spelling", Rule{Host: "Keys.Example.", Port: 8443}, true},
		{"address", Rule{Host: "127.0.0.1", Port: 8443}, true},
		{"mapped address", Rule{Host: "[::ffff:127.0.0.1]", Port: 8443}, true},
		{"range", Rule{Host: "127.0.0.0/8", Port: 8443}, true},
		{"all given", Rule{Host: "keys.example", Port: 8443, Scheme: "https", Purpose: "jwks"}, true},
		{"another name", Rule{Host: "example", Port: 8443}, false},
		{"name above", Rule{Host: "sub.keys.example", Port: 8443}, false},
		{"another range", Rule{Host: "10.0.0.0/8", Port: 8443}, false},
		{"another port", Rule{Host: "keys.example", Port: 443}, false},
		{"the scheme's own port", Rule{Host: "keys.example"}, false},
		{"another scheme", Rule{Host: "keys.example", Port: 8443, Scheme: "http"}, false},
		{"another purpose", Rule{Host: "keys.example", Port: 8443, Purpose: "logo"}, false},
	} {
		r, err := test.rule.compile()
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := permit([]rule{r}, to, loopback) == nil; got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestRefusedRules(t *testing.T) {
	for _, r := range []Rule{
		{Host: ""}, {Host: "*"}, {Host: "*.example"}, {Host: "a b"}, {Host: "127.1"}, {Host: "10.0.0.0/99"}, {Host: "x/8"},
		{Host: "example", Scheme: "ftp"}, {Host: "169.254.169.254"}, {Host: "169.254.0.0/16"}, {Host: "169.254.169.0/24"},
		{Host: "fe80::/10"}, {Host: "fe80::/64"}, {Host: "fd00:ec2::254"}, {Host: "0.0.0.0"}, {Host: "::ffff:0:0/96"},
		{Host: "::ffff:169.254.169.254"}, {Host: "64:ff9b::/96"}, {Host: "https://example"},
	} {
		if _, err := NewStranger(StrangerOptions{Allow: []Rule{r}}); err == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
}
