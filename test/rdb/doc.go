// Package rdb holds RDB files and DUMP payloads against a real server: each side
// writes data of every type and encoding, the other one reads them, and what it then
// has must be the same.
//
// Tests only; no package of the program may import it.
package rdb
