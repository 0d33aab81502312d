package storage

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What writes itself writes what encoding/json would, whatever stands in whichever field, also in one that is added later.
func TestFormsWriteWhatEncodingJSONDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, form := range []appender{&clientForm{}, &credentialsForm{}, &stagesForm{}, &ledger.Entry{}} {
		for i := range 3000 {
			value := reflect.ValueOf(form).Elem()
			value.SetZero()
			if i > 0 {
				fill(value, random)
			}
			want, wantErr := marshal(nil, form)
			got, err := form.AppendJSON([]byte("before"))
			if (err == nil) != (wantErr == nil) || err == nil && string(got) != "before"+string(want) {
				t.Fatalf("%T:\n got %s, %v\nwant %s, %v", form, got, err, want, wantErr)
			}
		}
	}
}

var awkward = []string{
	"plain", "quote \" and \\ and /", "<b>&amp;</b>", "\x00\x01\b\f\n\r\t\x1f\x7f", "Pförtner \u2028\u2029 \uFFFD 🚪", "\xff\xc3\xa9\xc3", "\xed\xa0\x80",
	`\u0000`, `\\u0000`,
}

// fill puts something or, half of the time, nothing into everything below v.
func fill(v reflect.Value, random *rand.Rand) {
	text := awkward[random.IntN(len(awkward))]
	switch known := v.Addr().Interface().(type) {
	case *strictjson.Value:
		*known = []strictjson.Value{{}, strictjson.Null(), strictjson.String(text), strictjson.Strings(awkward), strictjson.Int(random.Int64()),
			strictjson.Object(strictjson.Member{Name: text, Value: strictjson.Bool(true)}), strictjson.Object()}[random.IntN(7)]
		return
	case *time.Time:
		years := []int{0, 0, 0, 0, 0, 10_000}[random.IntN(6)] // JSON knows years up to 9999
		*known = []time.Time{{}, time.Unix(random.Int64N(1<<33), random.Int64N(1e9)), time.Unix(0, 0).In(time.FixedZone("", 3600))}[random.IntN(3)]
		*known = known.AddDate(years*random.IntN(30)/29, 0, 0)
		return
	}
	if random.IntN(2) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), random)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			fill(v.Index(i), random)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), random)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range random.IntN(4) {
			entry := reflect.New(v.Type().Elem()).Elem()
			fill(entry, random)
			v.SetMapIndex(reflect.ValueOf(awkward[random.IntN(len(awkward))]), entry)
		}
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(random.Int64() - 1<<62)
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(random.Uint64())
	default:
		panic("no way to fill a " + v.Type().String())
	}
}
