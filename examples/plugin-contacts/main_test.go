package main

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

func TestShape(t *testing.T) {
	setUp(t, `{"domain":"corp.example"}`)
	for client, want := range map[string]string{
		`{}`:                            `{"v":1,"action":"patch","patch":{"contacts":["clients@corp.example"]},"audit":{"added_contact":true}}`,
		`{"contacts":["a@b.example"]}`:  `{"v":1,"action":"continue"}`,
		`{"contacts":["a@b","nobody"]}`: `{"v":1,"action":"reject","error":{"code":"invalid_client_metadata","description":"contacts: nobody is no e-mail address; write name@host."}}`,
		`{"contacts":["a@b@c"]}`:        `{"v":1,"action":"reject","error":{"code":"invalid_client_metadata","description":"contacts: a@b@c is no e-mail address; write name@host."}}`,
	} {
		for _, hook := range []string{"pre_register", "pre_update"} {
			answer, err := ostiary.Run(hook, []byte(`{"v":1,"hook":"`+hook+`","client":`+client+`}`))
			if err != nil || string(answer) != want {
				t.Errorf("%s %s:\ngot  %s, %v\nwant %s", hook, client, answer, err, want)
			}
		}
	}
}

func TestLockedContactsStay(t *testing.T) {
	setUp(t, `{}`)
	answer, err := ostiary.Run("pre_update", []byte(`{"v":1,"hook":"pre_update","context":{"locked":["contacts"]},"client":{}}`))
	if err != nil || string(answer) != `{"v":1,"action":"continue"}` {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestSign(t *testing.T) {
	setUp(t, `{"label":"front desk"}`)
	for _, hook := range []string{"post_register", "on_read"} {
		answer, err := ostiary.Run(hook, []byte(`{"v":1,"hook":"`+hook+`","client":{"client_id":"c-1"}}`))
		if err != nil || string(answer) != `{"v":1,"action":"patch","patch":{"registered_through":"front desk"}}` {
			t.Errorf("%s: got %s, %v", hook, answer, err)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	for _, configuration := range []string{`{"domain":""}`, `{"domain":7}`, `{"domain":"a@b"}`} {
		if err := ostiary.SetUp(configuration); err == nil || !strings.Contains(err.Error(), "domain must be") {
			t.Errorf("%s: got %v", configuration, err)
		}
	}
}

// setUp configures the plugin, from its values without a configuration.
func setUp(t *testing.T, configuration string) {
	t.Helper()
	domain, label = "example.com", "ostiary-example"
	if err := ostiary.SetUp(configuration); err != nil {
		t.Fatal(err)
	}
}
