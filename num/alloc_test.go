package num

import "testing"

// Commands with numbers must not allocate; see the style's hot path rules.
func TestCommonNumbersDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 128)
	for name, fn := range map[string]func(){
		"ParseInt64":       func() { ParseInt64([]byte("-9223372036854775808")) },
		"ParseUint64":      func() { ParseUint64([]byte("18446744073709551615")) },
		"ParseCursor":      func() { ParseCursor([]byte("12345")) },
		"ParseMemory":      func() { ParseMemory([]byte("100mb")) },
		"ParseFloat":       func() { ParseFloat([]byte("3.25")) },
		"ParseFloat long":  func() { ParseFloat([]byte("2.2250738585072012e-308")) },
		"ParseFloat wrong": func() { ParseFloat([]byte("abc")) },
		"ParseFloat range": func() { ParseFloat([]byte("1e400")) },
		"ParseFloatLoose":  func() { ParseFloatLoose([]byte("-inf")) },
		"AppendInt":        func() { AppendInt(buf, -1<<63) },
		"AppendFloat":      func() { AppendFloat(buf, 471.1445090230321) },
		"AppendFixed":      func() { AppendFixed(buf, 166274.1516, 4) },
		"AddLongDouble":    func() { AddLongDouble(buf, []byte("10.50"), []byte("-5.0e3")) },
		"LongDoubleOf":     func() { LongDoubleOf(13.361389338970184).AppendHuman(buf) },
	} {
		if n := testing.AllocsPerRun(100, fn); n != 0 {
			// strconv's range error is the one allocation there is.
			if name == "ParseFloat range" && n <= 2 {
				continue
			}
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkParseInt64(b *testing.B) {
	text := []byte("1234567890")
	for b.Loop() {
		ParseInt64(text)
	}
}

func BenchmarkParseFloat(b *testing.B) {
	text := []byte("1234.5678")
	for b.Loop() {
		ParseFloat(text)
	}
}

func BenchmarkAppendFloat(b *testing.B) {
	buf := make([]byte, 0, 32)
	for b.Loop() {
		AppendFloat(buf, 1234.5678)
	}
}

func BenchmarkAddLongDouble(b *testing.B) {
	buf := make([]byte, 0, 64)
	x, y := []byte("1234.5678"), []byte("0.1")
	for b.Loop() {
		AddLongDouble(buf, x, y)
	}
}
