package plugins

import (
	"bytes"
	"testing"

	"github.com/ostiary/ostiary/core/hook"
)

func manifestOf(name, rest string) []byte {
	return []byte("apiVersion: ostiary.plugin/v1\nname: " + name + "\nversion: 1.0.0\n" + rest)
}

// carrying gives a module with a manifest in it.
func carrying(t *testing.T, module, manifest []byte) []byte {
	t.Helper()
	out, err := CarryManifest(module, manifest)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCarriedManifest(t *testing.T) {
	bare := answers("x")
	if _, there, err := CarriedManifest(bare); there || err != nil {
		t.Errorf("a bare module carries %v, %v", there, err)
	}
	first := carrying(t, bare, manifestOf("a", register))
	second := carrying(t, first, manifestOf("a", asksNow))
	for _, c := range []struct{ module, want []byte }{{first, manifestOf("a", register)}, {second, manifestOf("a", asksNow)}} {
		if got, there, err := CarriedManifest(c.module); err != nil || !there || !bytes.Equal(got, c.want) {
			t.Errorf("got %q, %v, %v", got, there, err)
		}
	}
	if again, err := withoutManifest(second); err != nil || !bytes.Equal(again, bare) {
		t.Errorf("taken out again, the module is another: %v", err)
	}
	if _, err := CarryManifest(bare, []byte("name: a")); err == nil {
		t.Error("what is no manifest was put in")
	}
	for _, broken := range [][]byte{nil, []byte("no module"), bare[:len(bare)-3]} {
		if _, err := CarryManifest(broken, manifestOf("a", register)); err == nil {
			t.Errorf("%.10q took a manifest", broken)
		}
	}
}

func TestPluginThatCarriesItsManifest(t *testing.T) {
	f := newFolder(t, nil)
	twice := append(carrying(t, answers("x"), manifestOf("twice", register)), section(0, append(named(manifestSection), "name: b"...))...)
	f.write("alone.wasm", carrying(t, answers("x"), manifestOf("alone", register)))
	f.write("both.wasm", carrying(t, answers("x"), manifestOf("both", register)))
	f.write("both.yaml", manifestOf("both", register))
	f.write("other.wasm", carrying(t, answers("x"), manifestOf("other", register)))
	f.write("other.yaml", manifestOf("other", register+"# a remark\n"))
	f.write("renamed.wasm", carrying(t, answers("x"), manifestOf("alone", register)))
	f.write("twice.wasm", twice)
	f.write("wrong.wasm", append(answers("x"), section(0, append(named(manifestSection), "name: wrong\n"...))...))
	f.reload()
	f.want("alone", Live, "")
	f.want("both", Live, "")
	f.want("other", Failed, "the module carries another manifest than the file beside it: they must be equal, byte for byte")
	f.want("renamed", Failed, "the manifest's name is alone, the files' name is renamed")
	f.want("twice", Failed, "the module carries more than one manifest")
	f.want("wrong", Failed, "wrong.yaml:1")
	if got := f.names(hook.PreRegister); got != "alone both" {
		t.Errorf("live: %s", got)
	}
	key, acme := newKey(t, "acme", "*")
	strict := operated(t, Operator{Publishers: []Publisher{acme}}, nil)
	strict.write("alone.wasm", carrying(t, answers("x"), manifestOf("alone", register)))
	strict.sign("alone", key)
	strict.reload()
	strict.want("alone", Live, "")
}
