package servercmd

import (
	"fmt"
	"strings"

	"kvorum/command"
)

// A graph of latencies for people: a headline, a rule, and blocks of up to
// graphColumns samples, the oldest on the left. A sample is a bar in graphRows rows
// with len(graphTips) steps each; under it, read downwards, how long ago it was.
//
//	command - high 500 ms, low 301 ms (all time high 500 ms)
//	---------------------------------------------------- ...
//	  #
//	 o|
//	 ||
//	_||
//
//	310
//	sss
//
// The layout is that of Redis 7.2, checked against its output.
const (
	graphColumns = 80
	graphRows    = 4
	graphTips    = "_o#" // the top of a bar that ends in this row, by height
	graphBar     = '|'   // of a bar that ends further up
)

// graphOf returns the graph of an event that has samples.
func graphOf(e command.LatencyEvent, nowSec int64) string {
	low, high := e.Samples[0].Ms, e.Samples[0].Ms
	for _, s := range e.Samples {
		low, high = min(low, s.Ms), max(high, s.Ms)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", e.Name, high, low, e.MaxMs)
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	for from := 0; from < len(e.Samples); from += graphColumns {
		if from > 0 {
			b.WriteByte('\n')
		}
		block := e.Samples[from:min(len(e.Samples), from+graphColumns)]
		writeBars(&b, block, low, high)
		writeAges(&b, block, nowSec)
	}
	return b.String()
}

// writeBars writes the rows of bars, the highest first, and the empty row.
func writeBars(b *strings.Builder, block []command.LatencySample, low, high int64) {
	steps := int64(graphRows * len(graphTips))
	span := max(high-low, 1)
	for row := graphRows - 1; row >= 0; row-- {
		floor := int64(row * len(graphTips))
		for _, s := range block {
			height := min((s.Ms-low)*steps/span, steps-1)
			switch {
			case height < floor:
				b.WriteByte(' ')
			case height < floor+int64(len(graphTips)):
				b.WriteByte(graphTips[height-floor])
			default:
				b.WriteByte(graphBar)
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat(" ", len(block)) + "\n")
}

// writeAges writes how long ago the samples were, downwards.
func writeAges(b *strings.Builder, block []command.LatencySample, nowSec int64) {
	ages := make([]string, len(block))
	rows := 0
	for i, s := range block {
		ages[i] = age(max(nowSec-s.UnixSec, 0))
		rows = max(rows, len(ages[i]))
	}
	for row := range rows {
		for _, a := range ages {
			if row < len(a) {
				b.WriteByte(a[row])
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
}

// age returns a number of seconds in its largest unit, rounded down.
func age(sec int64) string {
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	switch {
	case sec < minute:
		return fmt.Sprintf("%ds", sec)
	case sec < hour:
		return fmt.Sprintf("%dm", sec/minute)
	case sec < day:
		return fmt.Sprintf("%dh", sec/hour)
	}
	return fmt.Sprintf("%dd", sec/day)
}
