package server

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// tracked is a file of which only what is sent on its way is noted.
type tracked struct {
	savedTo
	calls []string
	fail  bool
}

var errBack = errors.New("no way")

func (f *tracked) WriteBack(offset, size int64, wait bool) error {
	f.calls = append(f.calls, fmt.Sprintf("%d+%d %v", offset>>20, size>>20, wait))
	if f.fail {
		return errBack
	}
	return nil
}

// Each byte is sent on its way once, in order, and waited for once, as soon as so much
// is behind it that the disk should have come to it.
func TestBackWriterWaitsForWhatIsFarBehind(t *testing.T) {
	var b backWriter
	f := &tracked{}
	for range 72 {
		if err := b.wrote(f, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for at := 0; at < 72; at += 4 {
		want = append(want, fmt.Sprintf("%d+4 false", at))
		if at >= 64 {
			want = append(want, fmt.Sprintf("%d+4 true", at-64))
		}
	}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls\n%q\nwant\n%q", f.calls, want)
	}
	f.fail = true
	if err := b.wrote(f, writeBackStep); !errors.Is(err, errBack) {
		t.Errorf("error %v", err)
	}
}
