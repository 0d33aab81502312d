package policies

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// keyPair makes a key of an algorithm, as an author has it and as a server has it.
func keyPair(t testing.TB, alg, id string) (*SigningKey, *VerificationKey) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	signing, err := NewSigningKey(id, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	if err != nil {
		t.Fatal(err)
	}
	verification, err := NewVerificationKey(id, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	if err != nil {
		t.Fatal(err)
	}
	return signing, verification
}

// small is a site of rules, tests and data.
func small() Source {
	return sourceOf(map[string]string{
		"partners/house.rego": house + "label contains data.ostiary.data.label if true\n",
		"house_test.rego": "package ostiary.registration.site.house_test\n\nimport data.ostiary.registration.site.house\n\n" +
			"test_label if house.label == {\"<&>\"}\n",
		"redirects_test.rego":    "package ostiary.registration.redirects_test\n\ntest_nothing if true\n",
		"token.rego":             "package ostiary.token.site.a.b\n\nx := 1\n",
		"ostiary/data/data.json": `{"label": "<&>", "n": [1.50, 1e3, 12345678901234567890, null, true], "é": {}}`,
	})
}

func built(t testing.TB, src Source, o BuildOptions) []byte {
	t.Helper()
	packed, err := Build(src, o)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestBundleHoldsTheFolder(t *testing.T) {
	src := small()
	packed := built(t, src, BuildOptions{})
	b, err := ReadBundle(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(b.Files, src.Files, bytes.Equal) || b.Signed || b.Sequence != 0 || len(b.Revision) != 32 {
		t.Errorf("%+v", b)
	}
	if !bytes.Equal(packed, built(t, small(), BuildOptions{})) {
		t.Error("another build is another bundle")
	}
	if _, err := Load(Source{Origin: Folder, Files: b.Files, Site: exampleConfig()}, long); err != nil {
		t.Error(err)
	}
	named, err := ReadBundle(built(t, src, BuildOptions{Revision: "r1", Sequence: 7}), nil)
	if err != nil || named.Revision != "r1" || named.Sequence != 7 {
		t.Errorf("%+v, %v", named, err)
	}
	m, err := readManifest(b.all)
	want := "ostiary/data ostiary/registration/redirects_test ostiary/registration/site ostiary/token/site"
	if err != nil || strings.Join(m.Roots, " ") != want {
		t.Errorf("roots %v, %v", m.Roots, err)
	}
	if none, err := ReadBundle(built(t, Source{}, BuildOptions{}), nil); err != nil || len(none.Files) != 0 {
		t.Errorf("of nothing: %+v, %v", none, err)
	}
}

func TestReadSite(t *testing.T) {
	src := small()
	dir := t.TempDir()
	for name, text := range src.Files {
		path := filepath.Join(dir, "folder", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "bundle.tar.gz")
	if err := os.WriteFile(file, built(t, src, BuildOptions{}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(dir, "folder")} {
		if files, err := ReadSite(path); err != nil || !maps.EqualFunc(files, src.Files, bytes.Equal) {
			t.Errorf("%s: %v, %v", path, slices.Sorted(maps.Keys(files)), err)
		}
	}
	if _, err := ReadSite(filepath.Join(dir, "nothing")); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Error(err)
	}
	if _, err := ReadSite(filepath.Join(dir, "folder", "token.rego")); err == nil || !strings.Contains(err.Error(), "not a .tar.gz") {
		t.Error(err)
	}
}

// What we sign, OPA accepts; what OPA signs, we accept.
func TestSignaturesAreOPAs(t *testing.T) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		signing, verification := keyPair(t, alg, "desk")
		packed := built(t, small(), BuildOptions{Sequence: 3, Key: signing})
		b, err := ReadBundle(packed, verification)
		if err != nil || b.Signer != "desk" || b.Sequence != 3 {
			t.Errorf("%s: %+v, %v", alg, b, err)
		}
		theirs, err := bundle.NewReader(bytes.NewReader(packed)).WithBundleVerificationConfig(
			bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{"desk": {Key: verification.pem, Algorithm: alg}}, "desk", "", nil)).Read()
		if err != nil || len(theirs.Modules) != 4 {
			t.Errorf("%s: OPA refuses it: %v", alg, err)
		}
		if again, err := ReadBundle(signedByOPA(t, signing, alg), verification); err != nil || again.Signer != "desk" || len(again.Files) != 2 {
			t.Errorf("%s: %+v, %v", alg, again, err)
		}
	}
}

// signedByOPA makes and signs a bundle with OPA alone.
func signedByOPA(t *testing.T, key *SigningKey, alg string) []byte {
	t.Helper()
	rules := []byte(house + "label contains \"opa\" if true\n")
	version, roots := 1, []string{"ostiary/registration/site", "ostiary/data"}
	b := bundle.Bundle{
		Manifest: bundle.Manifest{Revision: "theirs", Roots: &roots, RegoVersion: &version, Metadata: map[string]any{"contract": "ostiary/1", "sequence": 5}},
		Data:     map[string]any{"ostiary": map[string]any{"data": map[string]any{"x": "y"}}},
		Modules:  []bundle.ModuleFile{{URL: "house.rego", Path: "house.rego", Raw: rules, Parsed: ast.MustParseModule(string(rules))}},
	}
	if err := b.GenerateSignature(bundle.NewSigningConfig(key.pem, alg, ""), "desk", false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).UseModulePath(true).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// changed gives the bundle with other files.
func changed(t *testing.T, packed []byte, change func(map[string][]byte)) []byte {
	t.Helper()
	files, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	change(files)
	out, err := pack(files)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignedBundlesAreHeldToTheirKey(t *testing.T) {
	signing, verification := keyPair(t, "ES256", "desk")
	otherSigning, other := keyPair(t, "ES256", "desk")
	elsewhere, _ := keyPair(t, "ES256", "elsewhere")
	rsaSigning, _ := keyPair(t, "RS256", "desk")
	signed := built(t, small(), BuildOptions{Sequence: 1, Key: signing})
	sign := func(key *SigningKey) []byte { return built(t, small(), BuildOptions{Sequence: 1, Key: key}) }
	alter := func(name, text string) []byte {
		return changed(t, signed, func(files map[string][]byte) { files[name] = []byte(text) })
	}
	if _, err := ReadBundle(signed, other); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("another key of the same id: %v", err)
	}
	for what, test := range map[string]struct {
		packed []byte
		says   string
	}{
		"unsigned":              {built(t, small(), BuildOptions{Sequence: 1}), "is not signed"},
		"another key":           {sign(otherSigning), "signature"},
		"another id":            {sign(elsewhere), `signed by the key "elsewhere", and must be by "desk"`},
		"another algorithm":     {sign(rsaSigning), "makes ES256"},
		"no sequence":           {built(t, small(), BuildOptions{Key: signing}), "metadata.sequence"},
		"a rule is changed":     {alter("token.rego", "package ostiary.token.site.a.b\n\nx := 2\n"), "token.rego: digest mismatch"},
		"a value is changed":    {alter("ostiary/data/data.json", `{"label": "other"}`), "ostiary/data/data.json: digest mismatch"},
		"the manifest is":       {alter(manifestFile, strings.Replace(string(must(unpack(signed))[manifestFile]), `"sequence": 1`, `"sequence": 9`, 1)), ".manifest: digest mismatch"},
		"a file is added":       {alter("more.rego", house), "more.rego not included"},
		"a page is added":       {alter("README.md", "x"), "README.md not included"},
		"a file is missing":     {changed(t, signed, func(files map[string][]byte) { delete(files, "token.rego") }), "token.rego"},
		"the signature is gone": {changed(t, signed, func(files map[string][]byte) { delete(files, signaturesFile) }), "is not signed"},
		"an empty signature":    {alter(signaturesFile, `{}`), "exactly one signature"},
		"no token":              {alter(signaturesFile, `{"signatures":["x"]}`), "not a JWS"},
		"garbage":               {alter(signaturesFile, `[`), ".signatures.json"},
		"another member":        {alter(signaturesFile, strings.Replace(string(must(unpack(signed))[signaturesFile]), "{", `{"keyid": "desk",`, 1)), "member keyid is not supported"},
		"another verifier":      {alter(signaturesFile, strings.Replace(string(must(unpack(signed))[signaturesFile]), "{", `{"plugin": "theirs",`, 1)), "member plugin is not supported"},
		"alg none":              {alter(signaturesFile, `{"signatures":["eyJhbGciOiJub25lIiwia2lkIjoiZGVzayJ9.eyJmaWxlcyI6W119."]}`), `signature is "none"`},
	} {
		if b, err := ReadBundle(test.packed, verification); err == nil || !strings.Contains(err.Error(), test.says) || b != nil {
			t.Errorf("%s: %+v, %v", what, b, err)
		}
	}
	if b, err := ReadBundle(signed, nil); err != nil || b.Signer != "" || !b.Signed {
		t.Errorf("without a key: %+v, %v", b, err)
	}
	// Space and order do not count, as for OPA.
	spaced := alter("ostiary/data/data.json", `{"é":{},"n":[1.50,1e3,12345678901234567890,null,true],"label":"<&>"}`)
	if _, err := ReadBundle(spaced, verification); err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// archive packs entries as they are.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	stream := gzip.NewWriter(&out)
	tape := tar.NewWriter(stream)
	write := func(head tar.Header, text string) {
		head.Mode = 0o600
		if head.Typeflag == tar.TypeReg {
			head.Size = int64(len(text))
		}
		if err := tape.WriteHeader(&head); err != nil {
			t.Fatal(err)
		}
		if head.Typeflag == tar.TypeReg {
			if _, err := tape.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(tar.Header{Name: "./", Typeflag: tar.TypeDir}, "")
	write(tar.Header{Name: "/.manifest", Typeflag: tar.TypeReg}, plainManifest)
	for _, head := range entries {
		write(head, "{}")
	}
	if err := tape.Close(); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const plainManifest = `{"roots":["ostiary/registration/site"],"metadata":{"contract":"ostiary/1"}}`

func TestBundlesThatAreNotPlainAreRefused(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	if b, err := ReadBundle(archive(t, file("./a/README.md"), file("requests/a.json")), nil); err != nil || len(b.Files) != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	for _, test := range []struct {
		entry tar.Header
		says  string
	}{
		{file("../x.rego"), "leads out of the bundle"},
		{file("a/../../x.rego"), "leads out of the bundle"},
		{file("//x.rego"), "leads out of the bundle"},
		{file(`a\x.rego`), "leads out of the bundle"},
		{file("a//x.rego"), "leads out of the bundle"},
		{file("a\x1b[2Jx.rego"), "leads out of the bundle"},
		{file("./.manifest"), "twice"},
		{tar.Header{Name: "x.rego", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "not a regular file"},
		{tar.Header{Name: "x.rego", Typeflag: tar.TypeLink, Linkname: ".manifest"}, "not a regular file"},
		{tar.Header{Name: "x.rego", Typeflag: tar.TypeFifo}, "not a regular file"},
		{file("policy.wasm"), "not read, only Rego"},
		{file("other.wasm"), "not read, only Rego"},
		{file("a/plan.json"), "not read, only Rego"},
		{file("plan.pb"), "not read, only Rego"},
		{file("patch.json"), "not read, only Rego"},
		{file(".manifest.pb"), "not read, only Rego"},
		{file("data.yaml"), "write it as data.json"},
		{file(".hidden.rego"), "begin with a dot"},
		{file("a/.signatures.json"), "begin with a dot"},
		{file("a/x.manifest"), "no file of a name that ends so"},
		{file("site/data.json"), "not below data.ostiary.data"},
	} {
		if b, err := ReadBundle(archive(t, test.entry), nil); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", test.entry.Name, b, err)
		}
	}
}

func TestBundlesThatAreTooLargeAreRefused(t *testing.T) {
	zeros := make([]byte, maxBundle/2+1)
	_, bomb := packed(map[string][]byte{"a.txt": zeros, "b.txt": zeros})
	many := map[string][]byte{}
	for i := range maxFileCount + 1 {
		many[strings.Repeat("d/", i%10)+string(rune('a'+i%26))+strings.Repeat("x", i/26)] = nil
	}
	_, crowd := packed(many)
	_, long := ReadBundle(make([]byte, maxBundle+1), nil)
	for says, err := range map[string]error{"files together are larger": bomb, "more than 1000 files": crowd, "it is larger": long} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	packed := built(t, small(), BuildOptions{})
	for _, n := range []int{0, 1, 20, len(packed) / 2, len(packed) - 30} {
		if _, err := ReadBundle(packed[:n], nil); err == nil {
			t.Errorf("%d bytes of %d are a bundle", n, len(packed))
		}
	}
}

func TestManifestsAreHeldToWhatAFolderMayHold(t *testing.T) {
	with := func(manifest string) []byte {
		return must(pack(map[string][]byte{manifestFile: []byte(manifest), "house.rego": []byte(house)}))
	}
	for manifest, says := range map[string]string{
		plainManifest: "",
		`{"roots":["/ostiary/registration/site/"],"metadata":{"contract":"ostiary/1","sequence":2},"revision":"x","rego_version":1}`: "",
		`{"roots":[""],"metadata":{"contract":"ostiary/1"}}`:                                                                         "more than a policy folder may hold",
		`{"roots":["ostiary"],"metadata":{"contract":"ostiary/1"}}`:                                                                  "more than a policy folder may hold",
		`{"roots":["ostiary/registration","ostiary/config"],"metadata":{"contract":"ostiary/1"}}`:                                    "more than a policy folder may hold",
		`{"roots":["ostiary/registration","system/log"],"metadata":{"contract":"ostiary/1"}}`:                                        "more than a policy folder may hold",
		`{"roots":["ostiary/token"],"metadata":{"contract":"ostiary/1"}}`:                                                            "do not permit",
		`{"roots":["ostiary/registration","ostiary/registration/site"],"metadata":{"contract":"ostiary/1"}}`:                         "overlapped roots",
		`{"metadata":{"contract":"ostiary/1"}}`:                                                                                      "roots are missing",
		`{"roots":["ostiary/registration"]}`:                                                                                         "metadata.contract must be",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"dcr/1"}}`:                                                         "metadata.contract must be",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1","sequence":0}}`:                                        "metadata.sequence must be",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1","sequence":"5"}}`:                                      "metadata.sequence must be",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1","sequence":1.5}}`:                                      "metadata.sequence must be",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1"},"rego_version":0}`:                                    "rego_version cannot be 0",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1"},"wasm":[]}`:                                           "wasm is not supported",
		`{"roots":["ostiary/registration"],"metadata":{"contract":"ostiary/1"},"Roots":[""]}`:                                        "Roots is not supported",
		`{"roots":"ostiary/registration","metadata":{"contract":"ostiary/1"}}`:                                                       "roots cannot be",
		`{"roots":["ostiary/registration"],"roots":[""],"metadata":{"contract":"ostiary/1"}}`:                                        "more than once",
		`[]`: "not an object",
		`{`:  ".manifest",
	} {
		_, err := ReadBundle(with(manifest), nil)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", manifest, err)
		}
	}
	if _, err := ReadBundle(must(pack(map[string][]byte{"house.rego": []byte(house)})), nil); err == nil || !strings.Contains(err.Error(), "has no .manifest") {
		t.Error(err)
	}
	broken := must(pack(map[string][]byte{manifestFile: []byte(plainManifest), "a/house.rego": []byte(house + "label contains")}))
	_, err := ReadBundle(broken, nil)
	if problems := problemsOf(err); len(problems) == 0 || problems[0].File != "a/house.rego" || problems[0].Line != 3 {
		t.Errorf("%v", problems)
	}
}

func TestSign(t *testing.T) {
	signing, verification := keyPair(t, "ES256", "desk")
	for _, test := range []struct {
		has, asked, want int64
	}{{0, 0, 99}, {5, 0, 5}, {5, 6, 6}, {0, 7, 7}} {
		out, err := Sign(built(t, small(), BuildOptions{Sequence: test.has, Revision: "r"}), signing, test.asked, 99)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ReadBundle(out, verification)
		if err != nil || b.Sequence != test.want || b.Revision != "r" || len(b.Files) != len(small().Files) {
			t.Errorf("%+v: %+v, %v", test, b, err)
		}
	}
	dir := folder(t, map[string]string{"house.rego": house, "README.md": "read me", ".git/x": "no", ".editor": "no"})
	for range 2 {
		written, err := SignFolder(dir, signing, 0, 4)
		if err != nil || len(written) != 2 {
			t.Fatal(written, err)
		}
		for _, file := range written {
			if err := os.WriteFile(filepath.Join(dir, file.Name), file.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b, err := ReadUnpacked(dir, verification); err != nil || b.Sequence != 4 || b.Signer != "desk" {
		t.Errorf("%+v, %v", b, err)
	}
	first := must(ReadUnpacked(dir, verification))
	for _, step := range []struct {
		file, text string
		otherwise  int64
		want       int64
	}{
		{"house.rego", house + "\nwarn contains {\"rule\": \"x\", \"message\": \"m\"}\n", 4, 5}, // not the same sequence again, however the clock goes
		{"house.rego", house, 9, 9},
		{"README.md", "no rules", 99, 9}, // nothing that decides
	} {
		if err := os.WriteFile(filepath.Join(dir, step.file), []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, file := range must(SignFolder(dir, signing, 0, step.otherwise)) {
			if err := os.WriteFile(filepath.Join(dir, file.Name), file.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b, err := ReadUnpacked(dir, verification)
		if err != nil || b.Sequence != step.want || (b.Revision == first.Revision) != (b.Content() == first.Content()) {
			t.Errorf("%s changed: %+v, %v", step.file, b, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadUnpacked(dir, verification); err == nil || !strings.Contains(err.Error(), "README.md: digest mismatch") {
		t.Error(err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	signing, verification := keyPair(t, "ES256", "desk")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip(err) // a toolchain that makes none
	}
	weak := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)})
	curve := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	other := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(curve))})
	for _, test := range []struct {
		id, text, says string
		public         bool
	}{
		{"", signing.pem, "needs an id", false},
		{"", verification.pem, "needs an id", true},
		{"a", verification.pem, "name a private key", false},
		{"a", signing.pem, "name the public key", true},
		{"a", "key", "not a key in PEM", false},
		{"a", "key", "not a key in PEM", true},
		{"a", string(weak), "2048 bits", false},
		{"a", string(other), "P-256", false},
	} {
		_, err := NewSigningKey(test.id, []byte(test.text))
		if test.public {
			_, err = NewVerificationKey(test.id, []byte(test.text))
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
