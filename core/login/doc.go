// Package login is the verb "who is at the browser": passwords, the throttle of each account, one-time links and browser
// sessions; and the people themselves, as operators keep them. Whether somebody who is right may come in at all, policy
// says; of clients it only passes on which one led here.
//
// The road of a sign-in: the account may be tried at all (throttle.go) → the caller has not too many under way (line.go) → its turn
// at the account (turn.go) → a place for one slow hash → the try is counted → the password is compared, or one that nobody has
// (password.go) → policy allows a session (policy.go) → a session of the desk's kind under a new secret (session.go). Whatever is
// wrong with name and password, the answer is the same, after the same work. No password is compared that was not counted before,
// durably; a right one gives its count to who waits behind it, or takes it back with its session, or with policy's refusal of one.
//
// A user's Generation is what voids: sessions, links, grants and consents carry the one that they were made under. A new
// password, disabling and "sign out everywhere" are one bump of it; deleting removes the user.
package login
