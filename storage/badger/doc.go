// Package badger is the embedded engine: storage's contract over Badger, in one folder, for one process.
//
// It owns that folder and everything that is safe or fast about it; it knows nothing of nouns. The road of a write: Apply
// queues it (committer.go); the one committer takes all that waits, judges each against what is stored and what went before
// it (ops.go), and makes all accepted ones durable in one commit; then all are answered. The road of a read: a view at the
// last durable commit (views.go), so that reads never wait for a disk and never see what is not durable yet; records that are
// read often are kept in front of Badger (hot.go).
//
// record.go is the stored form, open.go the folder's lock and checks, space.go the free-space guard. Why things are so and
// not otherwise stands in RATIONALE.md.
package badger
