package meter

import (
	"encoding/binary"
	"errors"
	"slices"
)

// fields are the numbers of a Report, in the order in which they are kept.
func (r *Report) fields() []*uint64 {
	fields := []*uint64{&r.CompileCost, &r.LargestCost}
	for family := range r.seen {
		for n := range r.seen[family] {
			fields = append(fields, &r.seen[family][n])
		}
	}
	return fields
}

// counts are those that cannot be negative.
func (r *Report) counts() []*int {
	return []*int{&r.Elements, &r.Functions, &r.Largest, &r.Charges, &r.Guarded, &r.Exempt}
}

// Append writes all of it, for ReadMetered.
func (m *Metered) Append(out []byte) []byte {
	for _, field := range m.Report.fields() {
		out = binary.AppendUvarint(out, *field)
	}
	for _, count := range m.Report.counts() {
		out = binary.AppendUvarint(out, uint64(*count))
	}
	out = binary.AppendUvarint(out, uint64(len(m.Mutable)))
	for _, index := range m.Mutable {
		out = binary.AppendUvarint(out, uint64(index))
	}
	return append(out, m.Wasm...)
}

// ReadMetered reads what Append wrote; Wasm is a part of data. It believes what it reads: who kept the bytes has to know that they
// are the same.
func ReadMetered(data []byte) (*Metered, error) {
	m := &Metered{}
	number := func() uint64 {
		value, n := binary.Uvarint(data)
		data = data[max(n, 0):]
		return value
	}
	for _, field := range m.Report.fields() {
		*field = number()
	}
	for _, count := range m.Report.counts() {
		*count = int(number())
	}
	mutable := number()
	if mutable > uint64(len(data)) { // each takes a byte or more
		return nil, errors.New("it ends too soon")
	}
	for range mutable {
		m.Mutable = append(m.Mutable, int(number()))
	}
	m.Wasm = slices.Clip(data)
	return m, nil
}
